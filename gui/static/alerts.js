// The notices of this world (alerts of the engine, as the contract calls them), pinned on every page until somebody
// acknowledges them.
import {at, moment} from "./moments.js";

const FEW = 2; // Shown without opening the strip.

export function mount(root, {h, put, follow, may, act, ask, say, words}) {
  const style = document.createElement("link");
  style.rel = "stylesheet"; style.href = "/static/terrace/alerts.css";
  document.head.append(style);
  const list = h("ul"), shown = new Map();
  const more = h("button.more", {type: "button", "aria-expanded": "false", hidden: true, onclick: () => { open = !open; layout(); }});
  let open = false, total = 0;
  root.hidden = true;

  function line(id) {
    const parts = {severity: h("span.badge"), message: h("span.what"), about: h("span.dim"), count: h("span.dim.nowrap"), since: moment("since")};
    const button = h("button", {type: "button", disabled: !may("acknowledge"), title: may("acknowledge") ? null : "A viewer cannot acknowledge: log in as operator", onclick: () => acknowledge(id)}, "Acknowledge");
    const element = h("li", {}, parts.severity, parts.message, parts.about, parts.count, h("span.dim.nowrap", {}, parts.since), button);
    const found = {element, parts, button};
    shown.set(id, found);
    return found;
  }
  async function acknowledge(id) {
    const row = shown.get(id);
    if (!row) return;
    const comment = h("input", {type: "text", maxlength: "500", autocomplete: "off"});
    const body = h("div", {}, h("p", {}, row.parts.message.textContent), h("label.field", {}, "A word about it, for the record (optional)", comment));
    if (!(await ask({title: "Acknowledge this notice?", body, yes: "Acknowledge"}))) return;
    row.button.disabled = true;
    const answer = await act("acknowledge", {alert_id: id, comment: comment.value});
    row.button.disabled = false;
    if (answer.error) say(words(answer.error), "bad"); else say(answer.done.said);
  }
  function layout() {
    [...list.children].forEach((one, index) => { one.hidden = !open && index >= FEW; });
    more.hidden = total <= FEW;
    more.textContent = open ? "Fewer" : `${total - FEW} more`;
    more.setAttribute("aria-expanded", String(open));
  }
  follow("alerts", (topic) => {
    const ids = topic.order.filter((id) => topic.rows.has(id));
    total = ids.length;
    root.hidden = !total;
    for (const [id, row] of shown) if (!ids.includes(id)) { row.element.remove(); shown.delete(id); }
    ids.forEach((id, index) => {
      const cells = topic.rows.get(id), {element, parts} = shown.get(id) || line(id);
      put(parts.severity, cells.severity); put(parts.message, cells.message); put(parts.about, cells.about);
      put(parts.count, cells.count === "1" ? "" : `${cells.count} times`);
      at(parts.since, cells.since);
      element.dataset.tone = Array.isArray(cells.severity) ? cells.severity[1] : "";
      if (list.children[index] !== element) list.insertBefore(element, list.children[index] || null);
    });
    root.classList.toggle("stale", !!topic.stale);
    layout();
  });
  root.append(list, more);
}
