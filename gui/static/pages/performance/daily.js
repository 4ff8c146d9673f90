// One day in a few figures.
import {h, put} from "../../dom.js";

const FIGURES = [["net", "Net profit"], ["trades", "Closed groups"], ["volume", "Traded value"], ["fees", "Fees"], ["best", "Best pair"], ["worst", "Worst pair"]];

export function daily(context, asked) {
  const dds = new Map(FIGURES.map(([key]) => [key, h("dd")])), basis = h("p.dim.note");
  const pick = h("input", {type: "date", value: asked.get("date"), "aria-label": "Day", onchange: () => asked.set("date", pick.value)});
  const element = h("section.card", {dataset: {live: ""}}, h("div.row.spread", {}, h("h2", {}, "One day"), h("div.row", {}, pick, h("button.small", {type: "button", onclick: () => { pick.value = ""; asked.set("date", ""); }}, "Today"))), h("dl.figures", {}, FIGURES.map(([key, label]) => h("div.figure", {}, h("dt", {}, label), dds.get(key)))), basis);
  function show(topic) {
    const day = topic.rows.get("day") || {};
    for (const [key, dd] of dds) put(dd, day[key]);
    if (!asked.get("date") && document.activeElement !== pick && day.date) pick.value = day.date;
    put(basis, day.basis ? `${day.basis[0].toUpperCase()}${day.basis.slice(1)}. The filters above do not apply here.` : "");
  }
  return {element, show};
}
