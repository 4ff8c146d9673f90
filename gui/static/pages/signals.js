// Alerts with what became of them, the story of the one that is opened (`#01K…`), and a place to try one out (`#try`).
import {mark, put, textOf} from "../dom.js";
import {at, moment} from "../moments.js";
import {filters} from "./signals/filters.js";
import {story} from "./signals/story.js";
import {trial} from "./signals/trial.js";

const COLUMNS = [
  {key: "received", title: "Received", make: time}, {key: "outcome", title: "Outcome", make: badge}, {key: "reason", title: "Why", make: wide},
  {key: "pair", title: "Pair"}, {key: "timeframe", title: "TF", hint: "Timeframe"}, {key: "wants", title: "Wants"}, {key: "price", title: "Price", num: true, flash: false, hint: "Entry price it was sent with, in quote"},
  {key: "strategy", title: "Strategy"}, {key: "source", title: "Source"}, {key: "account", title: "Account", hidden: true}, {key: "group", title: "Group", make: group}, {key: "signal", title: "Signal", hidden: true},
];

function time(cell, row, id, td) {
  if (!td.firstChild) td.append(moment("clock"));
  at(td.firstChild, cell);
}
function badge(cell, row, id, td) {
  if (!td.firstChild) { const span = document.createElement("span"); span.className = "badge"; td.append(span); }
  put(td.firstChild, cell);
}
function wide(cell, row, id, td) { td.classList.add("why"); put(td, [textOf(cell), ""]); td.title = textOf(cell); }
function group(cell, row, id, td) {
  const text = textOf(cell);
  if (td.textContent === text) return;
  td.replaceChildren();
  if (text) { const link = document.createElement("a"); link.href = `/positions#${encodeURIComponent(text)}`; link.textContent = text; td.append(link); }
}

export function mount(root, context) {
  const {h} = context;
  const views = new Map([["", "Alerts"], ["try", "Try an alert"]].map(([key, label]) => [key, h("button", {type: "button", onclick: () => go(key ? `#${key}` : "")}, label)]));
  const listed = h("section.alerts-list"), place = h("div.place"), trying = trial(context);
  root.append(h("div.segments.views", {role: "group", "aria-label": "What is shown"}, [...views.values()]), listed, trying.element, place);
  const asked = filters(context, () => draw());
  const rows = h("div"), more = h("p.row", {}, h("button", {type: "button", onclick: () => asked.more()}, "Show more"), h("span.dim"));
  listed.append(asked.element, rows, more);
  let list = null, stop = null, open = null, opened = "";

  function draw() {
    list?.stop(); stop?.();
    rows.replaceChildren();
    const topic = asked.topic();
    list = context.table(rows, {topic, key: "signals", caption: "Alerts, newest first", columns: COLUMNS, onRow: (id) => go(`#${id}`),
      empty: asked.isSet() ? "No alert matches these filters." : "No alert has come yet. The dashboard shows the address and the message to put into TradingView; here an alert can be tried without sending it."});
    stop = context.follow(topic, (found) => {
      const count = found.rows.size, limit = asked.limit();
      more.hidden = count < limit;
      more.firstChild.hidden = limit >= asked.most;
      more.lastChild.textContent = limit >= asked.most ? `The newest ${limit} are shown; narrow the time to see older ones.` : `The newest ${count} are shown.`;
    });
    list.select(opened);
  }
  function go(hash) {
    if (hash === location.hash) return;
    history.pushState(null, "", hash || location.pathname + location.search);
    route(true);
  }
  function route(byHand) {
    const id = mark(), isTrial = id === "try";
    listed.hidden = isTrial; trying.element.hidden = !isTrial;
    for (const [key, button] of views) button.setAttribute("aria-pressed", String((key === "try") === isTrial));
    show(isTrial ? "" : id, byHand);
  }
  function show(id, byHand) {
    if (id === opened) return;
    const last = opened;
    open?.end();
    open = null; opened = id; place.replaceChildren();
    root.classList.toggle("has-story", !!id);
    if (id) { open = story(context, id, {onClose: () => go(""), go}); place.append(open.element); if (byHand) { open.focus(); open.element.scrollIntoView({block: "nearest"}); } }
    else if (last && byHand) root.querySelector(`tr[data-row="${CSS.escape(last)}"]`)?.focus();
    list?.select(id);
  }
  addEventListener("hashchange", () => route(true));
  addEventListener("popstate", () => route(true));
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && opened && !document.querySelector("dialog[open]") && !event.target.closest("input, select, textarea")) go(""); });
  draw();
  route(false);
}
