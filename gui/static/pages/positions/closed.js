// Groups that have closed, the last one first, a page at a time.
import {put, sortOf, textOf} from "../../dom.js";
import {moment, span} from "../../counting.js";
import {full} from "./when.js";

const COLUMNS = [["closed", "Closed"], ["pair", "Pair"], ["timeframe", "TF"], ["side", "Side"], ["account", "Account"], ["percent", "Result %", 1, "Realised profit in percent of all that was put in, fees taken off"], ["realized", "Result", 1, "Realised profit in quote, fees taken off"], ["quote", "Quote"], ["fees", "Fees", 1], ["pyramids", "Pyramids", 1], ["legs", "Legs", 1], ["duration", "Held for", 1], ["why", "Why it closed"], ["strategy", "Strategy"], ["notes", "Notes"]];

export function closed({h, world, words}, onOpen) {
  const body = h("tbody"), note = h("p.empty"), more = h("button", {type: "button", hidden: true, onclick: () => load(false)}, "Older ones");
  const fields = [field("symbol", "Pair", "BTC/USDT"), field("timeframe", "Timeframe", "1h"), field("account", "Account", "")];
  const choices = [choice("side", "Side", [["", "Side: both"], ["SIDE_LONG", "long"], ["SIDE_SHORT", "short"]]), choice("result", "Result", [["", "Result: all"], ["GROUP_RESULT_GAIN", "gain"], ["GROUP_RESULT_LOSS", "loss"]])];
  const dates = [date("from", "Closed from"), date("to", "to")];
  const form = h("form.toolbar.filters", {"aria-label": "Filters of closed groups", onsubmit: (event) => { event.preventDefault(); load(true); }},
    fields, choices, dates, h("button.main", {type: "submit"}, "Show"), h("button", {type: "reset", onclick: () => setTimeout(() => load(true))}, "Clear"));
  const table = h("table.full", {}, h("caption.visually-hidden", {}, "Closed groups, the last to close first"), h("thead", {}, h("tr", {}, COLUMNS.map(([, title, num, hint]) => h(num ? "th.num" : "th", {scope: "col", title: hint}, title)))), body);
  const element = h("section.closed", {hidden: true}, form, h("div.scroll", {tabindex: "0", role: "region", "aria-label": "Closed groups"}, table), note, more);
  let token = "", turn = 0, loaded = false;

  async function load(fresh) {
    const mine = ++turn;
    loaded = true;
    note.hidden = false; note.textContent = "Reading…";
    if (fresh) token = "";
    const query = new URLSearchParams({world, token});
    for (const input of form.querySelectorAll("[name]")) if (input.value) query.set(input.name, input.type === "date" ? String(day(input)) : input.value.trim());
    const answer = await fetch(`/x/positions/closed?${query}`, {credentials: "same-origin"}).then((found) => found.json()).catch(() => ({error: {message: "the panel cannot be reached", remedy: "Try again when it is back."}}));
    if (mine !== turn) return;
    if (answer.error) { note.textContent = words(answer.error); return; }
    if (fresh) body.replaceChildren();
    body.append(...answer.rows.map(([id, row]) => line(id, row)));
    token = answer.next; more.hidden = !token;
    note.hidden = body.children.length > 0;
    note.textContent = [...form.querySelectorAll("[name]")].some((input) => input.value) ? "No closed group matches." : "No group has closed yet. One closes when all its targets are hit, on an exit signal, by its stop, by the risk engine or by hand.";
  }
  function line(id, row) {
    const tr = h("tr.opens", {tabindex: "0", dataset: {row: id}, onclick: () => onOpen(id), onkeydown: (event) => { if (event.key === "Enter") onOpen(id); }});
    for (const [key, , num] of COLUMNS) {
      const td = h(num ? "td.num" : "td", {dataset: {key}});
      if (key === "closed") { put(td, moment(sortOf(row[key]))); td.title = full(sortOf(row[key])); }
      else if (key === "duration") put(td, span(Number(sortOf(row[key]))));
      else put(td, row[key]);
      tr.append(td);
    }
    return tr;
  }
  function field(name, label, placeholder) { return h("label.inline", {}, label, h("input", {name, type: "text", size: "10", placeholder, autocomplete: "off"})); }
  function choice(name, label, values) { return h("select", {name, "aria-label": label}, values.map(([value, text]) => h("option", {value}, text))); }
  function date(name, label) { return h("label.inline", {}, label, h("input", {name, type: "date"})); }
  /** Midnight of this browser's zone; of the day after for the end, which is included. */
  function day(input) { const [y, m, d] = input.value.split("-").map(Number); return new Date(y, m - 1, d + (input.name === "to" ? 1 : 0)).getTime(); }

  return {element, show: () => { if (!loaded) load(true); }, refresh: () => { if (loaded && !token) load(true); else loaded = false; }};
}
