// One key as a row: its name, its control with the unit, bounds and default, its help, and its fault.
import {span} from "../../moments.js";
import {pathOf} from "./draft.js";
import {flagControl, listControl, mapControl, orderControl, rawControl, textControl, wordControl} from "./controls.js";

let count = 0;

export function field(ctx, draft, key, steps, special = null) {
  const {h} = ctx;
  const path = pathOf(steps), id = `f${++count}`;
  const now = draft.inForce(steps) ?? key.default_tree ?? null;
  const isInFile = draft.isInFile(steps);
  const pending = draft.edits.get(path);
  const state = {mark: null};
  const {make, kind} = controlOf(key, now, special, draft.inFile(steps));
  const control = make(ctx, {key, id, below: draft.form.keys.filter((one) => one.path.startsWith(`${key.path}.`)).map((one) => one.path.slice(key.path.length + 1)), value: pending && !pending.unset ? pending.value : pending?.unset ? key.default_tree ?? null : now, disabled: !draft.mayEdit, isWhole: isWhole(key), inFile: draft.inFile(steps), onChange: changed});
  const inWords = h("span.dim", {});
  const fault = h("p.fault", {id: `${id}-fault`, role: "alert", hidden: true});
  const undo = h("button", {type: "button", hidden: true, onclick: () => { draft.drop(path); control.set(now); mark(); }}, "Undo");
  const reset = h("button", {type: "button", hidden: !(draft.mayEdit && isInFile && "default_tree" in key && key.default), title: "Takes the key out of the file, so that its default counts", onclick: () => {
    control.set(key.default_tree ?? null);
    draft.set({path, steps, kind, unset: true, before: draft.inFile(steps), shown: [shown(now), `default ${shown(key.default_tree)}`]});
    mark();
  }}, "To default");
  const isGroup = control.isGroup;
  const label = h(isGroup ? "span.label" : "label", isGroup ? {id: `${id}-label`} : {for: id}, key.label);
  const row = h(control.isBroad ? "div.setting.broad" : "div.setting", {dataset: {path}, role: isGroup ? "group" : null, "aria-labelledby": isGroup ? `${id}-label` : null},
    h("div.name", {}, label, " ", h("code", {}, path), key.help ? h("p.help", {id: `${id}-help`}, helpOf(h, steps[0] === "accounts" ? key.help.replace(/^(Paper accounts|Accounts of a real exchange) only\. /, "") : key.help)) : null),
    h("div.value", {}, h("div.control", {}, control.element, key.unit && !control.hasUnit ? h("span.unit", {}, unitOf(key)) : null, inWords), fault),
    h("div.facts", {}, facts(h, draft, key, steps, isInFile), h("span.buttons", {}, undo, reset)));

  function changed(value) {
    if (same(value, now)) draft.drop(path);
    else draft.set({path, steps, kind, value, before: draft.inFile(steps), shown: [shown(now), shown(value)]});
    mark();
  }
  function mark() {
    const edit = draft.edits.get(path);
    row.classList.toggle("edited", !!edit);
    inWords.textContent = spanOf(edit && !edit.unset ? edit.value : edit ? key.default_tree : now, key.unit);
    undo.hidden = !edit;
    const words = edit && !draft.isChecking ? draft.faultOf(path) : edit ? fault.textContent : "";
    fault.textContent = words;
    fault.hidden = !words;
    for (const input of row.querySelectorAll(".control input, .control select, .control textarea")) {
      if (words) input.setAttribute("aria-invalid", "true"); else input.removeAttribute("aria-invalid");
      input.setAttribute("aria-describedby", [key.help ? `${id}-help` : "", words ? `${id}-fault` : ""].filter(Boolean).join(" "));
    }
  }
  const listener = () => { if (row.isConnected || !row.dataset.seen) mark(); else draft.onChange.delete(listener); row.dataset.seen = row.isConnected ? "yes" : ""; };
  draft.onChange.add(listener);
  mark();
  return row;
}

function controlOf(key, now, special, inFile) {
  if (special) return {make: special, kind: inFile === null || Array.isArray(inFile) ? "DECIMAL" : "RAW"};
  const isNested = (value) => value !== null && typeof value === "object" && Object.values(value).some((item) => item !== null && typeof item === "object");
  if (isNested(now) || key.kind === "SECTION" || /\.(pyramid_levels|instruments|equal_quotes)$/.test(key.path)) return {make: rawControl, kind: "RAW"};
  if (key.kind === "MAP") return {make: mapControl, kind: key.min ? "DECIMAL" : "TEXT"};
  if (key.kind === "LIST") return {make: key.allowed ? orderControl : listControl, kind: "TEXT"};
  if (key.kind === "FLAG") return {make: flagControl, kind: "FLAG"};
  if (key.kind === "WORD") return {make: wordControl, kind: "TEXT"};
  return {make: textControl, kind: key.kind};
}

/** A long time in units people think in: 86400 s is 1 d. Empty where the figure says it already. */
function spanOf(value, unit) {
  const size = {s: 1, ms: 0.001}[unit];
  if (!size || !/^\d{1,12}$/.test(value ?? "") || Number(value) * size < 120) return "";
  return `= ${span(Number(value) * size * 1000)}`;
}
/** Help with the words between backticks as code. */
export const helpOf = (h, text) => text.split("`").map((part, index) => (index % 2 ? h("code", {}, part) : part));
const isWhole = (key) => key.kind === "WHOLE";
export const same = (a, b) => JSON.stringify(a ?? null) === JSON.stringify(b ?? null);
export function shown(value) {
  if (value === null || value === undefined) return "none";
  if (typeof value === "boolean") return String(value);
  if (typeof value === "string") return value === "" ? "empty" : value;
  if (Array.isArray(value)) return value.length ? `[${value.map(shown).join(", ")}]` : "empty";
  const parts = Object.entries(value).map(([name, item]) => `${name}: ${shown(item)}`);
  return parts.length ? `{${parts.join(", ")}}` : "empty";
}

const UNITS = {percent: "%", quote: "in the quote asset"};
const unitOf = (key) => UNITS[key.unit] || key.unit;
const grouped = (text) => text.replace(/\d{5,}/g, (digits) => digits.replace(/\B(?=(\d{3})+$)/g, "\u202f"));

function facts(h, draft, key, steps, isInFile) {
  const found = [];
  if (key.kind !== "WORD" && key.kind !== "FLAG" && (key.min || key.max)) {
    const what = key.kind === "LIST" || key.kind === "MAP" ? "each " : "";
    found.push(what + (key.min && key.max ? `${grouped(key.min)} to ${grouped(key.max)}` : grouped(key.min ? `least ${key.min}` : `most ${key.max}`)));
  }
  if (key.default) {
    const word = key.kind === "FLAG" ? key.default : shown(key.default_tree);
    found.push(h("span", {title: key.default}, `default ${word.length > 28 ? `${word.slice(0, 26)}…` : word}`));
  } else if (key.kind !== "SECTION") found.push("no default");
  if (isInFile) found.push("set in the file");
  if (key.restart) found.push(h("span.mark", {title: "A change takes effect when the daemon is started again"}, "needs a restart"));
  if (draft.form.ineffective.includes(pathOf(steps))) found.push(h("span.mark", {}, "no effect yet"));
  const over = overridden(draft, key, steps);
  if (over) found.push(h("span.mark", {title: "An environment variable of the daemon is laid over the file"}, over));
  return found.map((one) => h("span", {}, one));
}

/** What the file says is not in force although both were read together: only an environment variable does that. */
function overridden(draft, key, steps) {
  if (!["WHOLE", "WORD", "FLAG", "ADDRESS"].includes(key.kind) || !draft.isInFile(steps)) return "";
  const file = draft.inFile(steps), now = draft.inForce(steps);
  if (now === undefined || same(file, now)) return "";
  return `overridden by the environment: the file says ${shown(file)}`;
}
