// Range and filters of the page; kept in its address.
import {h} from "../../dom.js";

const RANGES = [["today", "Today"], ["7", "7 days"], ["30", "30 days"], ["90", "90 days"], ["year", "This year"], ["all", "All"], ["own", "From – to"]];
const TEXTS = [["account", "Account", 9], ["symbol", "Pair", 11], ["timeframe", "TF", 5], ["strategy", "Strategy", 12]];
const SIDES = [["", "Both sides"], ["long", "long"], ["short", "short"]];
const DAY_MS = 86400000;

/** scope(context, changed): {element, topic(), set(name, value), get(name)}. */
export function scope(context, changed) {
  const start = new URLSearchParams(location.search);
  const state = {range: "all", period: "DAY", by: "SYMBOL", date: "", from: "", to: "", side: ""};
  for (const name of [...Object.keys(state), ...TEXTS.map(([name]) => name)]) if (start.get(name)) state[name] = start.get(name);
  if (!RANGES.some(([name]) => name === state.range)) state.range = "all";
  let waiting = 0;
  const buttons = RANGES.map(([name, label]) => h("button", {type: "button", dataset: {range: name}, onclick: () => set("range", name)}, label));
  const own = ["from", "to"].map((name) => h("label.inline", {}, h("span", {}, name === "from" ? "From" : "to"), h("input", {type: "date", value: state[name], onchange: (event) => set(name, event.target.value)})));
  const texts = TEXTS.map(([name, label, size]) => h("input", {type: "text", size: String(size), placeholder: label, "aria-label": label, value: state[name] || "", autocomplete: "off", spellcheck: "false", oninput: (event) => { clearTimeout(waiting); waiting = setTimeout(() => set(name, event.target.value.trim()), 500); }}));
  const side = h("select", {"aria-label": "Side", onchange: () => set("side", side.value)}, SIDES.map(([value, label]) => h("option", {value}, label)));
  side.value = state.side;
  const file = h("a.button", {href: "#", download: true, onclick: () => { file.href = `/x/performance/trades?${query()}&world=${context.world}`; }}, "Trades as CSV");
  const element = h("div.toolbar", {role: "group", "aria-label": "What is counted"}, h("div.segments", {role: "group", "aria-label": "Range"}, buttons), own, texts, side, file);

  function mark() {
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.range === state.range));
    for (const one of own) one.hidden = state.range !== "own";
  }
  function set(name, value) {
    if ((state[name] || "") === value) return;
    state[name] = value;
    mark();
    const kept = new URLSearchParams(Object.entries(state).filter(([key, one]) => one && !(key === "range" && one === "all") && !(key === "period" && one === "DAY") && !(key === "by" && one === "SYMBOL")));
    history.replaceState(null, "", `${location.pathname}${kept.size ? `?${kept}` : ""}`);
    changed();
  }
  function times() {
    const today = new Date(new Date().toDateString()).getTime();
    if (state.range === "today") return [today, 0];
    if (state.range === "year") return [new Date(new Date().getFullYear(), 0, 1).getTime(), 0];
    if (state.range === "own") return [state.from ? new Date(`${state.from}T00:00`).getTime() : 0, state.to ? new Date(`${state.to}T00:00`).getTime() + DAY_MS : 0];
    return /^\d+$/.test(state.range) ? [today - (Number(state.range) - 1) * DAY_MS, 0] : [0, 0];
  }
  function query() {
    const asked = new URLSearchParams(TEXTS.filter(([name]) => state[name]).map(([name]) => [name, state[name]]));
    const [from, to] = times();
    if (from) asked.set("from", String(from));
    if (to) asked.set("to", String(to));
    if (state.side) asked.set("side", `SIDE_${state.side.toUpperCase()}`);
    return asked;
  }
  function topic() {
    const asked = query();
    asked.set("period", `BREAKDOWN_${state.period}`);
    asked.set("by", `BREAKDOWN_${state.by}`);
    if (state.date) asked.set("date", state.date);
    return `performance:${asked}`;
  }
  mark();
  return {element, topic, set, get: (name) => state[name] || ""};
}
