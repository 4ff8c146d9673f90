// One chart with its title, its figures as a table, and a picture of it to take away.
import {h} from "../../dom.js";
import {download, toCsv} from "./files.js";

let library = null;
/** The library, loaded once and only here. */
export function plotly() {
  library ||= new Promise((resolve, reject) => {
    const script = h("script", {src: "/x/performance/plotly.js"});
    script.onload = () => resolve(globalThis.Plotly);
    script.onerror = () => { library = null; reject(new Error("the charts' library could not be loaded: reload the page")); };
    document.head.append(script);
  });
  return library;
}
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
export const palette = () => Object.fromEntries(["ground", "raised", "line", "edge", "text", "dim", "accent", "gain", "loss", "warn"].map((name) => [name, colour(name)]));

/**
 * chart({key, title, draw(topic, now, palette) -> {data, layout, empty}, table(topic) -> {columns, rows}, say(topic, now)})
 * `say` is the chart in one sentence, for whoever does not see it.
 */
export function chart({key, title, draw, table, say, controls = null, height = 260}) {
  const plot = h("div.plot", {role: "img"}), rows = h("div.scroll", {hidden: true, tabindex: "0", role: "region", "aria-label": `${title} as a table`}), none = h("p.empty", {hidden: true});
  plot.style.height = `${height}px`;
  const toggle = h("button.small", {type: "button", "aria-expanded": "false", onclick: () => { rows.hidden = !rows.hidden; toggle.setAttribute("aria-expanded", String(!rows.hidden)); fill(); }}, "Table");
  const picture = h("button.small", {type: "button", onclick: async () => { const Plotly = await plotly(); Plotly.downloadImage(plot, {format: "png", filename: `terrace-${key}`, width: 1400, height: Math.max(height * 2, 500)}); }}, "PNG");
  const file = h("button.small", {type: "button", onclick: () => { const {columns, rows: lines} = table(last.topic, last.now); download(`terrace-${key}.csv`, toCsv(columns, lines)); }}, "CSV");
  const element = h("section.card.chart", {dataset: {live: "", chart: key}}, h("div.row.spread", {}, h("h2", {}, title), h("div.row", {}, controls, toggle, file, picture)), plot, none, rows);
  let last = null, drawn = "";

  async function paint(force) {
    if (!last) return;
    const colours = palette(), {data, layout = {}, empty} = draw(last.topic, last.now, colours);
    plot.hidden = !!empty; none.hidden = !empty; none.textContent = empty || "";
    picture.disabled = file.disabled = toggle.disabled = !!empty;
    if (empty) { drawn = ""; return; }
    const told = JSON.stringify(data);
    if (told === drawn && !force) return;
    drawn = told;
    plot.setAttribute("aria-label", say(last.topic, last.now));
    const axis = {gridcolor: colours.line, zerolinecolor: colours.edge, linecolor: colours.line, automargin: true, fixedrange: true};
    const base = {paper_bgcolor: colours.raised, plot_bgcolor: colours.raised, font: {color: colours.text, size: 12, family: "system-ui, sans-serif"}, margin: {l: 56, r: 12, t: 8, b: 36}, height, showlegend: false, separators: ".\u202f", hoverlabel: {bgcolor: colours.ground, bordercolor: colours.edge, font: {color: colours.text}}};
    const whole = {...base, ...layout, xaxis: {...axis, ...layout.xaxis}, yaxis: {...axis, ...layout.yaxis}};
    if (layout.yaxis2) whole.yaxis2 = {...axis, ...layout.yaxis2};
    const Plotly = await plotly().catch((error) => { none.hidden = false; none.textContent = error.message; return null; });
    if (Plotly) await Plotly.react(plot, data, whole, {displayModeBar: false, responsive: true});
  }
  function fill() {
    if (rows.hidden || !last) return;
    const {columns, rows: lines} = table(last.topic, last.now);
    rows.replaceChildren(h("table", {}, h("caption.visually-hidden", {}, title), h("thead", {}, h("tr", {}, columns.map((one, at) => h(at ? "th.num" : "th", {scope: "col"}, one)))), h("tbody", {}, lines.map((line) => h("tr", {}, line.map((cell, at) => h(at ? "td.num" : "th", at ? {dataset: {tone: Array.isArray(cell) ? cell[1] : ""}} : {scope: "row"}, Array.isArray(cell) ? cell[0] : cell)))))));
  }
  addEventListener("terrace:theme", () => requestAnimationFrame(() => paint(true)));
  return {element, show: (topic, now) => { last = {topic, now}; paint(false); fill(); }};
}
export const rowsOf = (topic, kind) => topic.order.filter((id) => id.startsWith(`${kind}:`) && topic.rows.has(id)).map((id) => topic.rows.get(id));
