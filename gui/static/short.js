// A short live table: a few rows of a topic as they come, without search and sort.
import {h, put} from "./dom.js";
import {follow} from "./live.js";

/** shortTable(parent, {topic, caption, columns: [{key, title, num, wrap, make}], empty: Node|text, filter(row, id)}); `make(td, row, id)` draws a cell. */
export function shortTable(parent, {topic: name, caption, columns, empty, filter, rowsChanged}) {
  const body = h("tbody"), shown = new Map();
  const cls = (tag, column) => `${tag}${column.num ? ".num" : ""}${column.wrap ? ".wrap" : ""}`;
  const element = h("table.full.short", {dataset: {live: ""}}, h("caption.visually-hidden", {}, caption),
    h("thead", {}, h("tr", {}, columns.map((column) => h(cls("th", column), {scope: "col", title: column.hint}, column.title || h("span.visually-hidden", {}, column.label || ""))))), body);
  const scroll = h("div.scroll", {tabindex: "0", role: "region", "aria-label": caption, hidden: true}, element);
  const none = h("div.empty", {hidden: true}, empty);
  parent.append(scroll, none);
  const stop = follow(name, (topic) => {
    if (!topic.version) return;
    const ids = topic.order.filter((id) => topic.rows.has(id) && (!filter || filter(topic.rows.get(id), id)));
    for (const [id, row] of shown) if (!ids.includes(id)) { row.tr.remove(); shown.delete(id); }
    ids.forEach((id, index) => {
      let row = shown.get(id);
      if (!row) {
        const tds = columns.map((column) => h(cls("td", column)));
        shown.set(id, (row = {tr: h("tr", {dataset: {row: id}}, tds), tds}));
      }
      const cells = topic.rows.get(id);
      columns.forEach((column, place) => column.make ? column.make(row.tds[place], cells, id) : put(row.tds[place], cells[column.key]));
      if (body.children[index] !== row.tr) body.insertBefore(row.tr, body.children[index] || null);
    });
    scroll.hidden = !ids.length; none.hidden = !!ids.length;
    scroll.classList.toggle("stale", !!topic.stale);
    if (rowsChanged) rowsChanged(ids.length, topic);
  });
  return {element: scroll, stop};
}
