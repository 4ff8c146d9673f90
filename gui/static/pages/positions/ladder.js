// The table of pyramids and legs, and of the parts that were cut off.
import {put, sortOf, textOf} from "../../dom.js";
import {moment} from "../../counting.js";
import {full} from "./when.js";

const COLUMNS = [
  ["index", "Leg"], ["gap", "Gap", 1, "Distance from the entry price"], ["weight", "Weight", 1, "Share of the pyramid's capital"], ["price", "Planned", 1, "Price of the entry order"], ["fill", "Filled at", 1, "Average price of the fills, fees excluded"],
  ["quantity", "Quantity", 1], ["filled", "Filled", 1], ["tp", "TP", 1, "Target's distance from the average fill"], ["target", "Target", 1, "Planned until the leg has filled, then from its actual average"], ["progress", "Way to target", 1, "From the fill to the target, where the mark is"], ["state", "State"], ["why", "Why"], ["closed", "Closed", 1, "Base of it that is closed"], ["realized", "Realised", 1, "Profit in quote, fees taken off"],
];
const CUTS = [["began", "Began"], ["why", "For"], ["quantity", "To close", 1], ["sold", "Closed", 1], ["realized", "Realised", 1], ["state", "State"], ["stopped", "Why stopped"], ["parts", "From"]];

export function ladder({h}) {
  const table = h("table.full", {}, h("caption.visually-hidden", {}, "Pyramids and their legs"), heads(h, COLUMNS));
  const element = h("div.scroll", {tabindex: "0", role: "region", "aria-label": "Pyramids and their legs"}, table);
  const cutBody = h("tbody"), cuts = h("section.cuts", {hidden: true}, h("h3", {}, "Parts that were closed"),
    h("div.scroll", {tabindex: "0", role: "region", "aria-label": "Parts that were closed"}, h("table.full", {}, h("caption.visually-hidden", {}, "Parts that were closed"), heads(h, CUTS), cutBody)));
  const known = new Map();
  let shape = "";

  function build(rows) {
    const ids = [...rows.keys()].filter((id) => id !== "").sort(place), now = ids.join();
    if (now === shape) return;
    shape = now;
    known.clear();
    table.querySelectorAll("tbody").forEach((body) => body.remove());
    cutBody.replaceChildren();
    let body = null;
    for (const id of ids) {
      if (id.startsWith("c:")) cutBody.append(line(id, CUTS));
      else if (id.startsWith("p:")) { body = h("tbody"); const th = h("th.pyramid", {scope: "rowgroup", colspan: String(COLUMNS.length)}); known.set(id, th); body.append(h("tr", {}, th)); table.append(body); }
      else if (body) body.append(line(id, COLUMNS));
    }
    cuts.hidden = !cutBody.children.length;
  }
  function line(id, columns) {
    const cells = columns.map(([key, , num]) => [key, h(num ? "td.num" : "td", {dataset: {key}})]);
    known.set(id, new Map(cells));
    return h("tr", {dataset: {leg: id}}, cells.map(([, td]) => td));
  }
  function show(rows, facts) {
    build(rows);
    for (const [id, row] of rows) {
      if (id === "") continue;
      if (id.startsWith("p:")) { head(known.get(id), row, facts); continue; }
      for (const [key, td] of known.get(id)) {
        if (key === "progress") bar(td, row[key]);
        else if (key === "began") { put(td, moment(sortOf(row[key]))); td.title = full(sortOf(row[key])); }
        else put(td, row[key]);
      }
    }
  }
  function head(th, row, facts) {
    const quote = textOf(facts.quote);
    const said = [`entry ${textOf(row.entry)}`, `${textOf(row.legs)} legs filled`, `${textOf(row.capital)} ${quote}`];
    if (sortOf(row.average)) said.push(`holds ${textOf(row.quantity)} at ${textOf(row.average)}`);
    if (sortOf(row.target)) said.push(`target ${textOf(row.target)}, ${textOf(row.progress)} of the way`);
    said.push(`added ${moment(sortOf(row.added))}`);
    if (!th.firstChild) th.append(h("b"), h("span"), textOf(row.signal) ? h("a", {href: `/signals#${encodeURIComponent(textOf(row.signal))}`}, "its signal") : "");
    put(th.children[0], `Pyramid ${textOf(row.index)}`);
    put(th.children[1], ` ${said.join(" · ")} `);
  }
  function bar(td, cell) {
    if (!td.firstChild) td.append(h("span.meter", {"aria-hidden": "true"}, h("i")), h("span.figure"));
    const at = Number(sortOf(cell)), meter = td.firstChild;
    meter.hidden = sortOf(cell) === "";
    meter.dataset.tone = at < 0 ? "loss" : "gain";
    meter.firstChild.style.width = `${Math.min(Math.max(Math.abs(at), 0), 100)}%`;
    put(td.lastChild, cell);
  }
  return {element, cuts, show};
}

function heads(h, columns) {
  return h("thead", {}, h("tr", {}, columns.map(([, title, num, hint]) => h(num ? "th.num" : "th", {scope: "col", title: hint}, title))));
}

function place(a, b) {
  const [kindA, ...partsA] = a.split(":"), [kindB, ...partsB] = b.split(":");
  if ((kindA === "c") !== (kindB === "c")) return kindA === "c" ? 1 : -1;
  if (kindA === "c") return 0;
  const first = Number(partsA[0]) - Number(partsB[0]);
  return first || (kindA === "p" ? -1 : kindB === "p" ? 1 : Number(partsA[1]) - Number(partsB[1]));
}
