// Where the capital is now.
import {h, put, textOf, sortOf} from "../../dom.js";
import {rowsOf} from "./chart.js";

const FIGURES = [["deployed", "Held in positions"], ["free", "Free"], ["pool_used", "Pool in use"], ["locked", "Planned capital in unfilled legs"]];

export function allocation() {
  const dds = new Map(FIGURES.map(([key]) => [key, h("dd")])), body = h("tbody"), none = h("p.empty", {}, "No group is live.");
  const list = h("div.scroll", {tabindex: "0", role: "region", "aria-label": "Exposure by pair"}, h("table.full", {}, h("caption.visually-hidden", {}, "Exposure by pair"), h("thead", {}, h("tr", {}, h("th", {scope: "col"}, "Pair"), h("th.num", {scope: "col"}, "Exposure"), h("th.num", {scope: "col"}, "Share"), h("th", {scope: "col"}, h("span.visually-hidden", {}, "As a bar")))), body));
  const element = h("section.card", {dataset: {live: ""}}, h("h2", {}, "Capital now"), h("dl.figures", {}, FIGURES.map(([key, label]) => h("div.figure", {}, h("dt", {}, label), dds.get(key)))), list, none);
  function show(topic, now) {
    for (const [key, dd] of dds) put(dd, now[key]);
    const rows = rowsOf(topic, "exposure").sort((a, b) => Number(sortOf(b.exposure)) - Number(sortOf(a.exposure)));
    list.hidden = !rows.length; none.hidden = !!rows.length;
    body.replaceChildren(...rows.map((one) => h("tr", {}, h("th", {scope: "row"}, one.name), h("td.num", {}, textOf(one.exposure)), h("td.num", {}, textOf(one.percent)), h("td", {}, h("meter", {min: "0", max: "100", value: sortOf(one.percent), "aria-label": `${one.name} ${textOf(one.percent)}`})))));
  }
  return {element, show};
}
