// The legs of a ladder as a table: gap, weight and target of each, and what the weights come to.
import {rawControl} from "./controls.js";

const COLUMNS = [["gap_percent", "Gap"], ["weight_percent", "Weight"], ["tp_percent", "Take-profit"]];
const MAX_LEGS = 10;

export function ladderControl(ctx, options) {
  if (isWorkedOut(options)) return generatedControl(ctx, options);
  const {h} = ctx, {key, id, value, disabled, onChange} = options;
  const body = h("tbody"), total = h("td.num"), said = h("td", {colspan: "2"});
  const read = () => [...body.rows].map((row) => Object.fromEntries([...row.querySelectorAll("input")].map((input) => [input.dataset.name, input.value.trim()])));
  function told() { sums(); onChange(read()); }
  function sums() {
    const weights = read().map((leg) => leg.weight_percent), sum = added(weights);
    total.textContent = sum === null ? "–" : `${sum} %`;
    total.dataset.tone = sum === "100" ? "good" : "warn";
    said.textContent = sum === "100" ? "all of the pyramid's capital" : sum === null ? "a weight is not a number" : "the weights must come to 100 %";
    [...body.rows].forEach((row, index) => { row.cells[0].textContent = String(index); }); // From 0, as positions and logs name them.
    add.disabled = disabled || body.rows.length >= MAX_LEGS;
  }
  function row(leg) {
    const line = h("tr", {}, h("th.num", {scope: "row"}),
      COLUMNS.map(([name, title]) => h("td.num", {}, h("input.number", {type: "text", value: leg[name] ?? "", disabled, inputmode: "decimal", dataset: {name}, "aria-label": `${title} of this leg, percent`, oninput: told}))),
      disabled ? null : h("td", {}, h("button.small", {type: "button", "aria-label": "Take out this leg", onclick: () => { line.remove(); told(); }}, "×")));
    return line;
  }
  const add = h("button", {type: "button", id, disabled, hidden: disabled, onclick: () => {
    const last = read().pop() || {gap_percent: "0", weight_percent: "", tp_percent: "1"};
    const line = row({...last, weight_percent: ""}); body.append(line); told(); line.querySelector("input").focus();
  }}, "Add a leg");
  const table = h("table.map.ladder", {}, h("caption.visually-hidden", {}, key.label),
    h("thead", {}, h("tr", {}, h("th.num", {scope: "col"}, "Leg"), COLUMNS.map(([, title]) => h("th.num", {scope: "col"}, `${title}, %`)), disabled ? null : h("th", {scope: "col"}, h("span.visually-hidden", {}, "Take out")))),
    body, h("tfoot", {}, h("tr", {}, h("th", {scope: "row"}, "Sum"), h("td"), total, said)));
  const set = (now) => { body.replaceChildren(...(now || []).map(row)); sums(); };
  set(value);
  return {element: h("div", {}, table, add), set, isGroup: true, hasUnit: true, isBroad: true};
}

const isWorkedOut = ({value, inFile}) => typeof value === "string" || (inFile !== null && typeof inFile === "object" && !Array.isArray(inFile));

/** A ladder the file has worked out from a few numbers: those are edited, the legs they come to are shown. */
function generatedControl(ctx, options) {
  const {h} = ctx, legs = Array.isArray(options.value) ? options.value : [];
  const raw = rawControl(ctx, {...options, value: typeof options.value === "string" ? options.value : options.inFile});
  const shown = legs.length ? h("p.help", {}, `It comes to ${legs.length} legs: ${legs.map((leg) => `${leg.gap_percent} % gap, ${leg.weight_percent} % weight, ${leg.tp_percent} % target`).join("; ")}.`) : null;
  return {element: h("div.wide", {}, raw.element, shown), set: (now) => raw.set(typeof now === "string" ? now : options.inFile), isBroad: true};
}

/** The exact sum of plain decimals as text; null where one is none. */
export function added(texts) {
  if (!texts.every((text) => /^-?\d+(\.\d+)?$/.test(text))) return null;
  const places = Math.max(0, ...texts.map((text) => (text.split(".")[1] || "").length));
  const sum = texts.reduce((total, text) => { const [whole, part = ""] = text.split("."); return total + BigInt(whole + part.padEnd(places, "0")); }, 0n);
  const digits = String(sum < 0n ? -sum : sum).padStart(places + 1, "0");
  const text = places ? `${digits.slice(0, -places)}.${digits.slice(-places)}`.replace(/\.?0+$/, "") : digits;
  return (sum < 0n ? "-" : "") + text;
}
