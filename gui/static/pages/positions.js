// Live groups, the ladder of the one that is opened, and the groups that have closed. `#01K…` opens one, `#closed` the rest.
import {sortOf, textOf} from "../dom.js";
import {closed} from "./positions/closed.js";
import {drawer} from "./positions/drawer.js";
import {totals} from "./positions/totals.js";
import {count as counts} from "../counting.js";

const COLUMNS = [
  {key: "pair", title: "Pair"}, {key: "timeframe", title: "TF", hint: "Timeframe"}, {key: "side", title: "Side"}, {key: "state", title: "State", make: badge},
  {key: "pyramids", title: "Pyr", num: true, hint: "Pyramids it has / may have"}, {key: "legs", title: "Legs", num: true, hint: "Legs filled / all"},
  {key: "quantity", title: "Held", num: true, hint: "Base held now"}, {key: "entry", title: "Avg entry", num: true, hint: "Average entry of what is held, fees excluded"}, {key: "mark", title: "Mark", num: true, hint: "Mid of best bid and ask, else the last trade; a dash where there is no fresh one"},
  {key: "percent", title: "Unrl % at mark", num: true, hint: "Unrealised at the mark, in percent of invested (the page Risk takes the price a close would get: bid or ask)"}, {key: "pnl", title: "Unrealised at mark", num: true, hint: "In the pair's quote currency, before the fees of a close"},
  {key: "invested", title: "Invested", num: true, hint: "Cost of what is held, in quote"}, {key: "planned", title: "Planned", num: true, hint: "Capital of all legs, unfilled ones included, in quote"},
  {key: "mode", title: "TP mode", hint: "What its take-profits cover"}, {key: "opened", title: "Age", num: true, make: (cell, row, id, td) => counts(td, {since: sortOf(cell)})},
  {key: "account", title: "Account"}, {key: "notes", title: "Notes", hint: "What is out of the ordinary"},
];
const FIRST = ["pair", "timeframe", "side", "percent", "pnl", "state"]; // On a phone what matters most comes first.
const narrow = () => matchMedia("(max-width: 40rem)").matches;
const arranged = () => (narrow() ? [...COLUMNS].sort((a, b) => rank(a) - rank(b)) : COLUMNS);
const rank = ({key}) => (FIRST.includes(key) ? FIRST.indexOf(key) : FIRST.length);
const FILTERS = [["pair", "Pair"], ["timeframe", "TF"], ["side", "Side"], ["state", "State"], ["account", "Account"]].map(([key, title]) => ({key, title}));

function badge(cell, row, id, td) {
  if (!td.firstChild) { const span = document.createElement("span"); span.className = "badge"; td.append(span); }
  const span = td.firstChild;
  if (span.textContent !== textOf(cell)) span.textContent = textOf(cell);
  span.dataset.tone = cell?.[1] || "";
}

export function mount(root, context) {
  const {h, follow} = context;
  const tabs = new Map([["live", "Live"], ["closed", "Closed"]].map(([key, label]) => [key, h("button", {type: "button", onclick: () => go(key === "closed" ? "#closed" : "")}, label)]));
  const place = h("div.place"), sums = totals(context), old = closed(context, (id) => go(`#closed/${id}`));
  const live = h("section.live-groups");
  root.append(h("div.head", {}, root.querySelector("h1"), h("div.segments.views", {role: "group", "aria-label": "Which groups"}, [...tabs.values()]), sums.element), live, old.element, place);
  const list = context.table(live, {topic: "groups", key: "positions", caption: "Live position groups", columns: arranged(), filters: FILTERS, onRow: (id) => go(`#${id}`),
    empty: "No group is live. One opens when an entry alert arrives; the dashboard shows the address and the message to put into TradingView."});
  for (const kind of ["input", "change"]) list.element.addEventListener(kind, () => setTimeout(add));
  let open = null, opened = "", topic = null, before = 0;
  follow("groups", (found) => {
    topic = found;
    add();
    if (found.rows.size < before) old.refresh();
    before = found.rows.size;
  });

  function add() {
    if (topic) sums.show(list.ids().map((id) => topic.rows.get(id)).filter(Boolean), topic.rows.size);
  }
  function go(hash) {
    if (hash === location.hash) return;
    history.pushState(null, "", hash || location.pathname + location.search);
    route(true);
  }
  function route(byHand) {
    const [first, second] = location.hash.slice(1).replace(/[^\w\/-]/g, "").split("/");
    const isClosed = first === "closed", id = isClosed ? second || "" : first;
    live.hidden = sums.element.hidden = isClosed; old.element.hidden = !isClosed;
    for (const [key, button] of tabs) button.setAttribute("aria-pressed", String((key === "closed") === isClosed));
    if (isClosed) old.show();
    show(id, byHand);
  }
  function show(id, byHand) {
    if (id === opened) return;
    const last = opened;
    if (open) open.end();
    open = null; opened = id;
    root.classList.toggle("has-ladder", !!id);
    if (id) { open = drawer(context, id, {onClose: back}); place.append(open.element); if (byHand) { open.focus(); open.element.scrollIntoView({block: "nearest"}); } }
    else if (last && byHand) root.querySelector(`tr[data-row="${CSS.escape(last)}"]`)?.focus();
    list.select(id);
  }
  const back = () => go(location.hash.startsWith("#closed") ? "#closed" : "");
  addEventListener("hashchange", () => route(true));
  addEventListener("popstate", () => route(true));
  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && opened && !document.querySelector("dialog[open]") && !event.target.closest("input, select, textarea")) back(); });
  route(false);
}
