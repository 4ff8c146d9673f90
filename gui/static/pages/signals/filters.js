// What of the alerts is asked for; kept in the page's address, so that it can be sent to somebody.
import {h} from "../../dom.js";

const OUTCOMES = ["opened", "pyramided", "queued", "replaced", "exited", "reduced", "reversed", "dequeued", "duplicate", "ignored", "rejected", "superseded", "expired", "evicted", "removed"];
const FIELDS = ["outcome", "symbol", "timeframe", "source", "account", "from", "to"];
const USUAL = 200, MOST = 1000;

/** filters(context, changed): {element, topic(), limit(), more(), isSet(), most}. */
export function filters(context, changed) {
  const start = new URLSearchParams(location.search);
  let limit = USUAL, waiting = 0;
  const outcome = h("select", {"aria-label": "Outcome", onchange: set}, h("option", {value: ""}, "Every outcome"), OUTCOMES.map((one) => h("option", {value: one}, one)));
  const text = (name, label, placeholder) => h("input", {type: "text", name, "aria-label": label, placeholder, size: "11", autocomplete: "off", spellcheck: "false", oninput: () => { clearTimeout(waiting); waiting = setTimeout(set, 400); }, onchange: set});
  const time = (name, label) => h("label.inline", {}, h("span", {}, label), h("input", {type: "datetime-local", name, onchange: set}));
  const inputs = {outcome, symbol: text("symbol", "Pair", "BTC/USDT"), timeframe: text("timeframe", "Timeframe", "15m"), source: text("source", "Source", "source"), account: text("account", "Account", "account")};
  const from = time("from", "From"), to = time("to", "to");
  inputs.from = from.lastChild; inputs.to = to.lastChild;
  inputs.timeframe.size = 5;
  for (const name of FIELDS) if (start.get(name)) inputs[name].value = start.get(name);
  const clear = h("button", {type: "button", onclick: () => { for (const name of FIELDS) inputs[name].value = ""; set(); }}, "Clear");
  const element = h("div.toolbar", {role: "group", "aria-label": "Filters"}, outcome, inputs.symbol, inputs.timeframe, inputs.source, inputs.account, from, to, clear);
  let told = key();
  clear.hidden = !isSet();

  function isSet() { return FIELDS.some((name) => inputs[name].value.trim()); }
  function key() { return FIELDS.map((name) => inputs[name].value.trim()).join("|"); }
  function set() {
    clear.hidden = !isSet();
    if (told === key()) return;
    told = key(); limit = USUAL;
    const kept = new URLSearchParams(FIELDS.filter((name) => inputs[name].value.trim()).map((name) => [name, inputs[name].value.trim()]));
    history.replaceState(null, "", `${location.pathname}${kept.size ? `?${kept}` : ""}${location.hash}`);
    changed();
  }
  function topic() {
    const query = new URLSearchParams();
    for (const name of FIELDS) {
      const value = inputs[name].value.trim();
      if (!value) continue;
      if (name === "outcome") query.append(name, `OUTCOME_${value.toUpperCase()}`);
      else if (name === "from" || name === "to") query.append(name, String(new Date(value).getTime()));
      else query.append(name, value);
    }
    query.append("limit", String(limit));
    return `signals:${query}`;
  }
  return {element, topic, isSet, most: MOST, limit: () => limit, more: () => { limit = Math.min(limit * 2, MOST); changed(); }};
}
