// Lines, the newest at the bottom. The view follows them until somebody scrolls up; each opens to its facts.
import {h, put, textOf, toneOf} from "../../dom.js";
import {at, moment, whole} from "../../moments.js";

const NEAR_PX = 24;

export function lines({follow}, topic, {label, empty, note}) {
  const list = h("ol.log", {}), box = h("div.log-box", {tabindex: "0", role: "log", "aria-label": label, "aria-live": "off"}, list), none = h("p.empty", {}, "Loading…");
  const auto = h("input", {type: "checkbox", checked: true, onchange: () => { if (auto.checked) down(); told(); }}), count = h("span.dim"), fresh = h("button.small.main.fresh", {type: "button", hidden: true, onclick: () => { auto.checked = true; down(); told(); }});
  const stale = h("span.stale-mark", {hidden: true});
  const element = h("section.logs", {}, h("div.row.spread", {}, h("p.dim", {}, note), h("span.row", {}, count, stale, fresh, h("label", {}, auto, " Follow"))), box, none);
  const shown = new Map();
  let unseen = 0, ours = false;

  function down() {
    const end = box.scrollHeight - box.clientHeight;
    if (Math.abs(box.scrollTop - end) > 1) { ours = true; box.scrollTop = end; } // Else no scrolling is told of.
    unseen = 0;
  }
  function told() { fresh.hidden = auto.checked || !unseen; fresh.textContent = `${unseen} new`; }
  box.addEventListener("scroll", () => {
    if (ours) { ours = false; return; }
    const isAtEnd = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_PX;
    if (auto.checked !== isAtEnd) { auto.checked = isAtEnd; if (isAtEnd) unseen = 0; told(); }
  });
  function line(row) {
    const time = moment("clock");
    at(time, row.time);
    const severity = h("span.badge", {dataset: {tone: toneOf(row.severity)}}, textOf(row.severity));
    const summary = h("summary", {}, time, severity, h("span.dim.category", {}, textOf(row.category)), h("span.message", {}, textOf(row.message)), textOf(row.about) ? h("span.dim", {}, textOf(row.about)) : null);
    const details = h("details", {}, summary);
    details.addEventListener("toggle", () => { if (details.open && details.children.length === 1) details.append(facts(row)); });
    return h("li", {dataset: {tone: toneOf(row.severity)}}, details);
  }
  function facts(row) {
    const pairs = [["Time", whole(Number(row.time[2]))], ["Type", textOf(row.type)], ["Event", textOf(row.sequence)], ["About", textOf(row.about)], ["Order", textOf(row.order)]].filter(([, text]) => text);
    const links = [["Signal", textOf(row.signal), "/signals#"], ["Group", textOf(row.group), "/positions#"]].filter(([, text]) => text);
    return h("dl.kv", {}, pairs.flatMap(([name, text]) => [h("dt", {}, name), h("dd", {}, text)]), links.flatMap(([name, text, to]) => [h("dt", {}, name), h("dd", {}, h("a", {href: to + encodeURIComponent(text)}, text))]),
      textOf(row.more).split("\n").filter(Boolean).flatMap((one) => { const [name, ...rest] = one.split(": "); return [h("dt.mono", {}, name), h("dd.mono", {}, rest.join(": "))]; }));
  }
  const stop = follow(topic, (found) => {
    stale.hidden = !found.stale;
    if (found.stale) stale.textContent = `stale since ${new Date(found.stale.since).toLocaleTimeString("en-GB")}: ${found.stale.why}`;
    const ids = found.order.filter((id) => found.rows.has(id)), isFirst = !shown.size, known = new Set(ids);
    for (const [id, li] of shown) if (!known.has(id)) { li.remove(); shown.delete(id); }
    let added = 0;
    ids.forEach((id, index) => {
      if (shown.has(id)) return;
      const li = line(found.rows.get(id));
      shown.set(id, li); added += 1;
      list.insertBefore(li, list.children[index] || null);
    });
    if (!isFirst && !auto.checked) unseen += added;
    count.textContent = ids.length ? `${ids.length} lines${ids.length >= 1000 ? ", older ones are left out" : ""}` : "";
    none.hidden = ids.length > 0; box.hidden = !ids.length;
    if (found.version) put(none, empty);
    if (auto.checked && added) down();
    told();
  });
  return {element, stop};
}
