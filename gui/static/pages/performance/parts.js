// Profit by pair, timeframe, strategy, side or account; the best and the worst trades.
import {h, put, textOf} from "../../dom.js";
import {at, moment} from "../../moments.js";
import {rowsOf} from "./chart.js";
import {download, toCsv} from "./files.js";

const BY = [["SYMBOL", "Pair"], ["TIMEFRAME", "Timeframe"], ["STRATEGY", "Strategy"], ["SIDE", "Side"], ["ACCOUNT", "Account"]];

export function parts(context, asked) {
  const buttons = BY.map(([key, label]) => h("button", {type: "button", dataset: {key}, onclick: () => { asked.set("by", key); mark(); }}, label));
  const mark = () => buttons.forEach((one) => one.setAttribute("aria-pressed", String(one.dataset.key === asked.get("by"))));
  const place = h("div"), file = h("button.small", {type: "button", onclick: () => download("terrace-profit.csv", toCsv(["Name", "Realised", "Unrealised", "Fees", "Trades"], last.map((one) => [one.name, one.realized, one.unrealized, one.fees, one.trades])))}, "CSV");
  const element = h("section.card", {dataset: {live: ""}}, h("div.row.spread", {}, h("h2", {}, "Profit by"), h("div.row", {}, h("div.segments", {role: "group", "aria-label": "Profit by"}, buttons), file)), place);
  let list = null, last = [];
  mark();
  function begin(topic) {
    list?.stop();
    place.replaceChildren();
    list = context.table(place, {topic, key: "performance-parts", caption: "Profit by part", filter: (row, id) => id.startsWith("part:"),
      columns: [{key: "name", title: "Name", head: true}, {key: "realized", title: "Realised", num: true}, {key: "unrealized", title: "Unrealised", num: true}, {key: "fees", title: "Fees", num: true}, {key: "trades", title: "Trades", num: true}], empty: "Nothing was closed in this range."});
  }
  return {element, begin, show: (topic) => { last = rowsOf(topic, "part"); }};
}

export function results() {
  const bests = h("tbody"), worsts = h("tbody");
  const box = (title, body) => h("section.card", {dataset: {live: ""}}, h("h2", {}, title), h("div.scroll", {tabindex: "0", role: "region", "aria-label": title}, h("table.full", {}, h("caption.visually-hidden", {}, title), h("thead", {}, h("tr", {}, ["Group", "Pair", "TF", "Closed"].map((one) => h("th", {scope: "col"}, one)), ["Realised", "%"].map((one) => h("th.num", {scope: "col"}, one)))), body)));
  const element = h("div.cards.wide.pairs", {}, box("Ten best", bests), box("Ten worst", worsts));
  function fill(body, rows, none) {
    const key = JSON.stringify(rows);
    if (body.dataset.key === key) return;
    body.dataset.key = key;
    body.replaceChildren(...(rows.length ? rows.map(line) : [h("tr", {}, h("td.dim", {colspan: "6"}, none))]));
  }
  function line(row) {
    const closed = moment("clock"), realized = h("td.num"), percent = h("td.num");
    at(closed, row.closed); put(realized, row.realized); put(percent, row.percent);
    return h("tr", {}, h("th", {scope: "row"}, h("a", {href: `/positions#closed/${encodeURIComponent(row.group)}`}, textOf(row.group))), h("td", {}, row.pair), h("td", {}, row.timeframe), h("td", {}, closed), realized, percent);
  }
  return {element, show: (topic) => { fill(bests, rowsOf(topic, "best"), "No trade of this range made a profit."); fill(worsts, rowsOf(topic, "worst"), "No trade of this range lost."); }};
}
