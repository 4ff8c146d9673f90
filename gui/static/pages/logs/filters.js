// What of the logs is asked for; kept in the page's address.
import {h} from "../../dom.js";

const CATEGORIES = ["engine", "signal", "precision", "order", "risk", "exchange", "config", "security", "system"];
const SEVERITIES = [["debug", "everything"], ["info", "info and worse"], ["warning", "warnings and worse"], ["error", "errors and worse"], ["critical", "critical only"]];
const TEXTS = [["text", "Words in the message", 22], ["symbol", "Pair", 11], ["timeframe", "TF", 5], ["account", "Account", 9], ["group", "Group", 14], ["signal", "Signal", 14]];
const ONLY_EVENTS = ["timeframe", "signal", "from", "to"];
const FORMS = ["txt", "csv", "json"];

/** filters(context, changed): {element, query(), isSet(), show(kind)}. */
export function filters(context, changed) {
  const start = new URLSearchParams(location.search), chosen = new Set(start.getAll("category").filter((one) => CATEGORIES.includes(one)));
  let waiting = 0;
  const chips = CATEGORIES.map((one) => h("button", {type: "button", "aria-pressed": String(chosen.has(one)), onclick: (event) => { if (!chosen.delete(one)) chosen.add(one); event.currentTarget.setAttribute("aria-pressed", String(chosen.has(one))); set(); }}, one));
  const severity = h("select", {"aria-label": "Severity", onchange: set}, SEVERITIES.map(([value, label]) => h("option", {value}, label)));
  const inputs = {severity};
  const fields = TEXTS.map(([name, label, size]) => (inputs[name] = h("input", {type: name === "text" ? "search" : "text", size: String(size), placeholder: label, "aria-label": label, autocomplete: "off", spellcheck: "false", oninput: () => { clearTimeout(waiting); waiting = setTimeout(set, 400); }, onchange: set})));
  const times = ["from", "to"].map((name) => h("label.inline", {}, h("span", {}, name === "from" ? "From" : "to"), (inputs[name] = h("input", {type: "datetime-local", onchange: set}))));
  const clear = h("button", {type: "button", onclick: () => { for (const input of Object.values(inputs)) input.value = input === severity ? "info" : ""; chosen.clear(); chips.forEach((one) => one.setAttribute("aria-pressed", "false")); set(); }}, "Clear");
  const files = h("span.row.files", {}, h("span.dim", {}, "Take away as"), FORMS.map((form) => h("a.button.small", {href: "#", dataset: {form}, download: true, onclick: (event) => { event.currentTarget.href = `/x/logs/events?${query(false)}&form=${form}&world=${context.world}`; }}, form)));
  severity.value = "info";
  for (const name of Object.keys(inputs)) if (start.get(name)) inputs[name].value = start.get(name);
  const element = h("div.filters", {role: "group", "aria-label": "Filters"}, h("div.chips", {role: "group", "aria-label": "Categories"}, chips), h("div.toolbar", {}, severity, fields, h("span.row.times", {}, times), clear, files));
  let told = key();

  function key() { return [...chosen].sort().join() + Object.values(inputs).map((input) => input.value).join("|"); }
  function isSet() { return chosen.size > 0 || Object.entries(inputs).some(([name, input]) => input.value && !(name === "severity" && input.value === "info")); }
  function set() {
    clear.hidden = !isSet();
    if (told === key()) return;
    told = key();
    const kept = new URLSearchParams([...chosen].map((one) => ["category", one]));
    for (const [name, input] of Object.entries(inputs)) if (input.value && !(name === "severity" && input.value === "info")) kept.set(name, input.value);
    if (new URLSearchParams(location.search).get("log")) kept.set("log", "daemon");
    history.replaceState(null, "", `${location.pathname}${kept.size ? `?${kept}` : ""}`);
    changed();
  }
  function query(isLimited = true) {
    const asked = new URLSearchParams([...chosen].map((one) => ["category", `CATEGORY_${one.toUpperCase()}`]));
    asked.set("severity", `SEVERITY_${severity.value.toUpperCase()}`);
    for (const [name] of TEXTS) if (inputs[name].value.trim()) asked.set(name, inputs[name].value.trim());
    for (const name of ["from", "to"]) if (inputs[name].value) asked.set(name, String(new Date(inputs[name].value).getTime()));
    if (isLimited) asked.set("limit", "1000");
    return asked;
  }
  clear.hidden = !isSet();
  return {element, query, isSet, show: (kind) => {
    for (const name of ONLY_EVENTS) (inputs[name].closest("label") || inputs[name]).hidden = kind !== "events";
    files.hidden = kind !== "events";
  }};
}
