// The page Queue: the pool it waits for, the signals by rank with the reason for it, and what can be done.
import {h, put, textOf} from "../dom.js";
import {count, moment, zone} from "../counting.js";
import {allow, button, LESS} from "./risk/parts.js";

const CALM_MS = 60000; // How long a changed rank is marked.
const RULES = [
  ["order", "Ranked by", "compared in this order, never added up (queue.rank)"],
  ["replace", "Same key again", "queue.allow_replacement"],
  ["overflow", "When it is full", "queue.overflow"],
  ["max_age", "Expires", "queue.max_age_s"],
  ["deviation", "Turned away", "when the mark is this far from the queued price (queue.max_deviation_percent)"],
  ["opens_at", "Opens at", "queue.promote_at"],
];

export function mount(root, ctx) {
  const pool = {slot: "", row: null};
  const place = h("section.card"), list = h("section");
  root.append(place, list);
  mountPool(place, ctx, pool);
  mountList(list, ctx, pool);
}

function mountPool(box, {follow}, pool) {
  const slots = h("dd"), queued = h("dd"), slot = h("p", {hidden: true, dataset: {tone: "warn"}}), held = h("p", {hidden: true, dataset: {tone: "bad"}});
  const rules = RULES.map(([key, title, hint]) => ({key, dd: h("dd"), title, hint}));
  box.classList.add("queue-pool");
  box.append(h("h2", {}, "Pool and rules"), h("dl.figures", {},
    h("div.figure", {title: "groups that hold a slot, of pool.max_open_groups"}, h("dt", {}, "Open groups"), slots),
    h("div.figure", {title: "of queue.max_size"}, h("dt", {}, "Waiting"), queued),
    rules.map(({dd, title, hint}) => h("div.figure", {title: hint}, h("dt", {}, title), dd))), slot, held);
  follow("queue-pool", (topic) => {
    const row = topic.rows.get("");
    box.classList.toggle("stale", !!topic.stale);
    if (!row) return;
    pool.slot = textOf(row.slot); pool.row = row;
    put(slots, row.forced ? `${row.slots}, ${row.forced} forced` : row.slots); put(queued, row.queued);
    slot.hidden = !pool.slot; put(slot, [`${pool.slot}. The next in line opens when one is released.`, "warn"]);
    held.hidden = !row.held; put(held, [`Held back: ${row.held}`, "bad"]);
    rules.forEach(({key, dd}) => put(dd, row[key]));
    document.querySelectorAll("[data-promotes]").forEach((made) => mayPromote(made, pool));
  });
}

function mountList(box, ctx, pool) {
  const ranks = new Map(); // signal -> {rank, was, at}
  box.append(h("div.row.spread", {}, h("h2", {}, "Waiting signals"), h("span.dim", {}, `Times are ${zone}`)));
  ctx.table(box, {
    topic: "queue", key: "queue", caption: "Waiting signals, the next one first", onRow: (id, row) => open(id, row, ctx),
    empty: "Nothing waits. While the pool has room, signals open at once; the rest queues here by rank.",
    columns: [
      {key: "rank", title: "Rank", num: true, make: (cell, row, id, td) => rank(cell, id, td, ranks)},
      {key: "pair", title: "Pair", make: (cell, row, id, td) => pair(row, td)},
      {key: "why", title: "Why this rank", hint: "the first rule under which it differs from the one ahead; a line opens all of them", make: (cell, row, id, td) => { td.className = "why"; put(td, cell); }},
      {key: "waits", title: "Waits for", make: (cell, row, id, td) => { put(td, cell); const why = [row.code, row.detail].filter(Boolean).join(": "); if (td.title !== why) td.title = why; }},
      {key: "loss", title: "Since entry", num: true, hint: "mark against queued entry, mirrored for short: negative is a loss"},
      {key: "entry", title: "Entry", num: true, hint: "queued price, in quote"},
      {key: "mark", title: "Mark", num: true, hint: "current price, in quote"},
      {key: "profit", title: "Expected", num: true, hint: "profit if the whole ladder filled at the queued entry and met its targets"},
      {key: "capital", title: "Capital", num: true, hint: "planned for its first pyramid"},
      {key: "replaced", title: "Replaced", num: true, hint: "how often a newer signal of the key took the older one's place"},
      {key: "since", title: "Waits", num: true, hint: "since the first signal of its key was queued", make: (cell, row, id, td) => count(td, {since: cell?.[2] || ""})},
      {key: "expires", title: "Expires in", num: true, make: expires},
      {key: "acts", title: "Actions", make: (cell, row, id, td) => actions(td, row, id, ctx, pool)},
    ],
  });
}

/** A rank that changed says for a minute what it was. */
function rank(cell, id, td, ranks) {
  const now = Number(textOf(cell)), known = ranks.get(id);
  if (!known) ranks.set(id, {rank: now, was: 0, at: 0});
  else if (known.rank !== now) Object.assign(known, {was: known.rank, rank: now, at: Date.now()});
  const seen = ranks.get(id), moved = seen.was && seen.was !== now && Date.now() - seen.at < CALM_MS;
  if (!td.firstChild) td.append(h("span.moved"), h("b"));
  put(td.lastChild, textOf(cell));
  put(td.firstChild, moved ? [`${now < seen.was ? "▲" : "▼"} was ${seen.was}, `, "dim"] : "");
  if (moved) setTimeout(() => { if (Date.now() - seen.at >= CALM_MS) put(td.firstChild, ""); }, CALM_MS + 50);
}

function pair(row, td) {
  const text = `${textOf(row.pair)} ${textOf(row.timeframe)}`, kind = row.kind === "new group" ? "" : `, ${row.kind}`;
  if (td.textContent !== `${text} ${textOf(row.side)}${kind}`) td.replaceChildren(h("b", {}, text), h("span.dim", {}, ` ${textOf(row.side)}${kind}`));
  if (td.title !== row.account) td.title = row.account;
}

function expires(cell, row, id, td) {
  if (cell?.[2]) { delete td.dataset.tone; return count(td, {until: cell[2], over: "now"}); }
  delete td.dataset.counts;
  put(td, cell);
}

function mayPromote(made, pool) {
  const may = made.dataset.promotes === "may";
  allow(made, !may ? LESS : made.dataset.pyramid ? "" : pool.slot, "Opens it now, before its turn");
}

function actions(td, row, id, ctx, pool) {
  const {may, press} = ctx, name = `${textOf(row.pair)} ${textOf(row.timeframe)}`;
  if (!td.firstChild) {
    td.className = "acts";
    const promote = button("Promote", {press: (made) => press("queue-promote", {signal: id}, {title: `Open ${name} now?`, yes: "Promote", preview: true, button: made})});
    const force = button("Force…", {press: (made) => askForce(made, id, name, ctx)});
    const remove = button("Remove", {danger: true, press: (made) => press("queue-remove", {signal: id}, {title: `Take ${name} out of the queue?`, yes: "Remove", danger: true, preview: true, button: made})});
    promote.dataset.promotes = may("queue-promote") ? "may" : "may not";
    for (const made of [promote, force, remove]) made.setAttribute("aria-label", `${made.textContent.replace("…", " add")} ${name}`);
    td.append(promote, force, remove);
  }
  const [promote, force, remove] = td.children;
  promote.dataset.pyramid = row.kind === "pyramid of a live group" ? "yes" : "";
  mayPromote(promote, pool);
  allow(force, may("queue-force") ? "" : LESS, "Opens it over the pool's limit; says first which limit it breaks");
  allow(remove, may("queue-remove") ? "" : LESS, "Takes it out for good");
}

async function askForce(made, id, name, {act, ask, press, say, words}) {
  const answer = await act("queue-force", {signal: id}, {preview: true});
  if (answer.error) return say(words(answer.error), "bad");
  const would = answer.done;
  const exposure = tick("Over the exposure limit too", would.exposure, would.needs_exposure), limits = tick("Though a loss limit is breached or its key rests", would.limits, would.needs_limits);
  const body = h("div", {}, h("p", {}, would.said), h("p", {dataset: {tone: would.pool.startsWith("Breaks") ? "warn" : ""}}, would.pool),
    would.stays ? h("p", {dataset: {tone: "bad"}}, would.stays) : null, exposure.element, limits.element);
  if (!(await ask({title: `Force ${name} into the pool?`, body, yes: "Force add", danger: true}))) return;
  await press("queue-force", {signal: id, ignore_exposure: exposure.box.checked, ignore_limits: limits.box.checked}, {button: made});
}

/** A tick is never set for somebody: it is told when it is needed. */
function tick(label, says, needed) {
  const box = h("input", {type: "checkbox"});
  return {box, element: h("label.tick", {}, box, h("span", {}, h("b", {}, label), h("span", {dataset: {tone: needed ? "warn" : "dim"}}, ` ${says}`, needed ? " It is refused without this." : "")))};
}

function open(id, row, ctx) {
  const rules = textOf(row.rules).split("\n").filter(Boolean).map((line) => line.split("\t"));
  const since = h("dd"), left = h("dd"), term = (title, value) => [h("dt", {}, title), value instanceof Node ? value : h("dd", {}, value)];
  count(since, {since: textOf(row.since) || row.since[2]});
  if (row.expires[2]) count(left, {until: row.expires[2], over: "now"}); else put(left, row.expires);
  const dialog = h("dialog", {"aria-labelledby": "queued"}, h("h2", {id: "queued"}, `${textOf(row.pair)} ${textOf(row.timeframe)} ${textOf(row.side)}`),
    h("dl.kv", {}, [term("Rank", `${textOf(row.rank)}, ${row.why}`), term("Waits for", [textOf(row.waits), row.detail].filter(Boolean).join(": ")), term("Opens", row.kind), term("Account", row.account), term("Strategy", textOf(row.strategy)),
      term("Queued first", moment(row.since[2])), term("Newest signal", moment(row.newest)), term("Waits since", since), term("Expires in", left), term("Signal", id)].flat()),
    h("h3", {}, "Ranking rules, in the order they are compared"),
    h("div.scroll", {}, h("table", {}, h("thead", {}, h("tr", {}, h("th", {scope: "col"}, "Rule"), h("th.num", {scope: "col"}, "This signal"))),
      h("tbody", {}, rules.map(([rule, value]) => h("tr", {}, h("th", {scope: "row"}, rule), h("td.num", {}, value || moment(row.since[2]))))))),
    h("form.buttons", {method: "dialog"}, h("button", {type: "submit"}, "Close")));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
