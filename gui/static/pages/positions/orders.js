// Orders of a group with their fills, read while somebody looks at them.
import {put, sortOf, textOf} from "../../dom.js";
import {moment} from "../../counting.js";
import {full} from "./when.js";

const COLUMNS = [["created", "Stored"], ["where", "Of"], ["role", "Role"], ["side", "Side"], ["type", "Type"], ["price", "Price", 1], ["quantity", "Quantity", 1], ["filled", "Filled", 1], ["average", "Average", 1], ["fee", "Fee (quote)", 1], ["state", "State"], ["why", "Why"], ["attempt", "Try", 1], ["id", "Order id"], ["exchange_id", "Id at the exchange"]];

export function orders({h, follow}, id) {
  const body = h("tbody"), empty = h("p.empty", {}, "Reading…"), known = new Map();
  const table = h("table.full", {}, h("caption.visually-hidden", {}, "Orders, newest first, with their fills"),
    h("thead", {}, h("tr", {}, COLUMNS.map(([, title, num]) => h(num ? "th.num" : "th", {scope: "col"}, title)))), body);
  const element = h("details.orders", {}, h("summary", {}, "Orders and fills"), h("div.scroll", {tabindex: "0", role: "region", "aria-label": "Orders and fills"}, table), empty);
  let stop = null;
  element.addEventListener("toggle", () => {
    if (element.open && !stop) stop = follow(`group-orders:${id}`, (topic) => show(topic));
    if (!element.open && stop) { stop(); stop = null; }
  });
  function show(topic) {
    const ids = topic.order.filter((one) => topic.rows.has(one));
    empty.hidden = ids.length > 0;
    empty.textContent = topic.stale ? topic.stale.why : topic.version ? "No order was sent yet." : "Reading…";
    for (const one of [...known.keys()]) if (!topic.rows.has(one)) { known.get(one).tr.remove(); known.delete(one); }
    ids.forEach((one, at) => {
      if (!known.has(one)) known.set(one, one.startsWith("o:") ? order() : fill());
      const {tr, show: set} = known.get(one);
      set(topic.rows.get(one));
      if (body.children[at] !== tr) body.insertBefore(tr, body.children[at] || null);
    });
  }
  function order() {
    const cells = COLUMNS.map(([key, , num]) => [key, h(num ? "td.num" : key.endsWith("id") ? "td.mono" : "td")]);
    const set = (row) => cells.forEach(([key, td]) => { if (key === "created") { put(td, moment(sortOf(row[key]))); td.title = full(sortOf(row[key])); } else put(td, row[key]); });
    return {tr: h("tr", {}, cells.map(([, td]) => td)), show: set};
  }
  function fill() {
    const time = h("td"), what = h("td", {colspan: "4"}), price = h("td.num"), quantity = h("td.num"), fee = h("td.num", {colspan: "3"}), rest = h("td", {colspan: String(COLUMNS.length - 10)});
    const set = (row) => { put(time, moment(sortOf(row.time))); put(what, `└ fill, ${textOf(row.role)}`); put(price, row.price); put(quantity, row.quantity); put(fee, row.fee); put(rest, `trade ${textOf(row.trade)}`); };
    return {tr: h("tr.fill", {}, time, what, price, quantity, fee, rest), show: set};
  }
  return {element, end: () => { if (stop) stop(); }};
}
