// Equity over time as a small drawing of our own, with the same in words.
import {h, put, textOf} from "../../dom.js";
import {day} from "../../moments.js";

const NS = "http://www.w3.org/2000/svg";
const CHOICES = [["30", "30 days"], ["all", "All"]];
function s(name, attributes) {
  const element = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

export function curve(root, {follow}) {
  const total = s("path", {class: "total", fill: "none", "vector-effect": "non-scaling-stroke"});
  const realized = s("path", {class: "realized", fill: "none", "vector-effect": "non-scaling-stroke"});
  const drawing = s("svg", {viewBox: "0 0 1000 100", preserveAspectRatio: "none", role: "img"});
  drawing.append(realized, total);
  const high = h("span"), low = h("span"), begin = h("span"), end = h("span"), change = h("b"), percent = h("span"), drawdown = h("span"), basis = h("p.dim.note"), none = h("p.empty", {}, "Equity is drawn from the second measurement on; the engine takes one every few minutes.");
  const figure = h("figure.curve", {hidden: true}, h("div.scale", {"aria-hidden": "true"}, high, low), drawing, h("figcaption.row.spread.dim", {}, begin, h("span", {}, h("span.swatch", {dataset: {part: "total"}, "aria-hidden": "true"}), "total\u2003", h("span.swatch", {dataset: {part: "realized"}, "aria-hidden": "true"}), "realised"), end));
  const buttons = CHOICES.map(([which, title]) => h("button", {type: "button", dataset: {which}, "aria-pressed": "false", onclick: () => choose(which)}, title));
  root.append(h("section.card.equity", {dataset: {live: ""}, "aria-labelledby": "equity-title"}, h("div.row.spread", {}, h("h2", {id: "equity-title"}, "Equity"), h("div.segments", {role: "group", "aria-label": "Range"}, buttons)),
    h("p.row", {}, change, percent, h("span.dim", {}, "drawdown now ", drawdown)), figure, none, basis));
  let stop = () => {}, saved = localStorage.getItem("terrace.dashboard.range");
  choose(CHOICES.some(([which]) => which === saved) ? saved : "30");

  function choose(which) {
    stop();
    localStorage.setItem("terrace.dashboard.range", which);
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.which === which));
    stop = follow(`curve:${which}`, (topic) => topic.rows.get("") && draw(topic.rows.get(""), which));
  }
  function draw(now, which) {
    const isDrawn = Number(textOf(now.points)) > 1, unit = textOf(now.currency);
    figure.hidden = change.parentElement.hidden = !isDrawn; none.hidden = isDrawn;
    put(basis, `Basis: ${textOf(now.basis)}.`);
    if (!isDrawn) return;
    total.setAttribute("d", textOf(now.total)); realized.setAttribute("d", textOf(now.realized));
    put(high, textOf(now.high)); put(low, textOf(now.low));
    put(begin, day(Number(now.begin[2]))); put(end, "now");
    put(change, [`${textOf(now.change)} ${unit}`, now.change[1]]); put(percent, now.change_percent); put(drawdown, now.drawdown);
    const words = `Total equity ${which === "all" ? "of all time" : "of the last 30 days"}: now ${textOf(now.last)} ${unit}, changed by ${textOf(now.change)} ${unit} (${textOf(now.change_percent)}), lowest drawn ${textOf(now.low)}, highest ${textOf(now.high)}.`;
    if (drawing.getAttribute("aria-label") !== words) drawing.setAttribute("aria-label", words);
  }
}
