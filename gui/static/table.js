// A live table: rows of a topic, columns as the page says. Sort, search, filter, choose columns; keyboard; remembers.
import {h, put, textOf, sortOf} from "./dom.js";
import {follow, link, staleOf} from "./live.js";
import {press} from "./dialog.js";
import {chooser, ordered} from "./columns.js";
import {merged} from "./rows.js";
import {compare, comparer} from "./sorting.js";
import {keepSelection, place} from "./placing.js";
import {moment} from "./counting.js";

export {compare};
const MAX_WHOLE = 80; // With more rows, only those near the visible part are in the page.
const SPARE = 15; // Rows above and below the visible part.
const MAX_FLASHES = 60; // In one update; with more of them nothing flashes: it would only be noise.
const FLASH_MS = 450;
const MAX_WIDTH = 24; // Of letters; what is longer makes its column wide only while it is there.
const isCalm = matchMedia("(prefers-reduced-motion: reduce)");

/**
 * table(parent, {topic, key, caption, columns, onRow(id, row), empty, filter(row, id), filters, actions, may})
 *
 * columns: {key, title, num, hint, make(cell, row, id, td), head, hidden, flash, name}. `num` aligns right and flashes
 *   when it changes, unless `flash: false`; `make` draws a cell itself; `head` makes it the row's name; `hidden`: only
 *   shown when chosen; `name`: in the menu of columns, where `title` is empty.
 * filters: {key, title, values?: [text]}: a choice above the table; without `values`, those that occur.
 * actions: {title, verb, values(id, row), shown(row, id), danger, ...options of press; `question(row, id)`: its title}.
 *   They need `may: context.may`; what may not be done is disabled and says why.
 * Returns {element, stop, refresh, select(id), ids(), topic}.
 */
export function table(parent, options) {
  const saved = JSON.parse(localStorage.getItem(`terrace.table.${options.key}`) || "{}");
  const state = {sort: saved.sort || null, down: !!saved.down, order: saved.order || [], hidden: new Set(saved.hidden || usuallyHidden(options)), words: "", filters: {}, chosen: null, active: null, held: false};
  const head = h("tr"), body = h("tbody"), above = spacer(), below = spacer();
  const element = h("table.live", {}, h("caption.visually-hidden", {}, options.caption || ""), h("thead", {}, head), body);
  const search = h("input", {type: "search", placeholder: "Search", "aria-label": `Search ${options.caption || ""}`, oninput: () => { state.words = search.value.toLowerCase(); draw({all: true}); }});
  const count = h("span.dim.count"), stale = h("span.stale-mark", {hidden: true}), empty = h("div.empty", {hidden: true});
  const choices = (options.filters || []).map((filter) => choice(filter, state, () => draw({all: true})));
  const tools = h("div.tools", {}, search, choices.map((one) => one.element), chooser({columns: options.columns, state, changed, reset}), count, stale);
  const scroller = h("div.scroll", {tabindex: "0", role: "region", "aria-label": options.caption || ""}, element);
  const box = h("section.table", {}, tools, scroller, empty);
  parent.append(box);
  const made = new Map(); // row id -> {tr, tds}
  const widths = new Map(); // column key -> longest text so far: a column never gets narrower
  let topic = {rows: new Map(), order: [], version: 0, at: 0, stale: null}, ids = [], height = 0, shownColumns = [], scrolling = 0, pending = null, drawing = 0;

  const columns = () => ordered(options.columns, state.order).filter((column) => !state.hidden.has(column.key));
  function save() { localStorage.setItem(`terrace.table.${options.key}`, JSON.stringify({sort: state.sort, down: state.down, order: state.order, hidden: [...state.hidden]})); }
  function changed() { save(); rebuild(); }
  function reset() { Object.assign(state, {sort: null, down: false, order: [], hidden: new Set(usuallyHidden(options))}); changed(); }
  function rebuild() { made.clear(); body.replaceChildren(); heads(); draw({all: true}); }

  function refresh() {
    if (columns().map((column) => column.key).join() === shownColumns.map((column) => column.key).join()) draw({all: true});
    else rebuild();
  }

  function heads() {
    shownColumns = columns();
    head.replaceChildren(...shownColumns.map(heading), ...(options.actions ? [h("th.actions", {scope: "col"}, h("span.visually-hidden", {}, "Actions"))] : []));
    above.firstChild.colSpan = below.firstChild.colSpan = head.children.length;
  }
  function heading(column) {
    const sorted = state.sort === column.key;
    const th = h(column.num ? "th.num" : "th", {scope: "col", "aria-sort": sorted ? (state.down ? "descending" : "ascending") : null, title: column.hint},
      column.title ? h("button.sort", {type: "button", dataset: {key: column.key}, onclick: () => sort(column)}, column.title) : h("span.visually-hidden", {}, column.name || column.key));
    if (widths.has(column.key)) th.style.minWidth = width(column);
    return th;
  }
  function sort(column) {
    // Up, down, and as the engine has it.
    if (state.sort !== column.key) Object.assign(state, {sort: column.key, down: !!column.num});
    else if (state.down === !!column.num) state.down = !state.down;
    else Object.assign(state, {sort: null, down: false});
    save(); heads(); draw({all: true});
    [...head.querySelectorAll("button")].find((button) => button.dataset.key === column.key)?.focus();
  }

  function order() {
    let found = topic.order.filter((id) => topic.rows.has(id));
    if (options.filter) found = found.filter((id) => options.filter(topic.rows.get(id), id));
    for (const [key, value] of Object.entries(state.filters)) if (value) found = found.filter((id) => textOf(topic.rows.get(id)[key]) === value);
    if (state.words) found = found.filter((id) => matches(topic.rows.get(id)));
    if (state.sort) {
      const by = comparer(state.down), key = state.sort;
      found.sort((a, b) => by(sortOf(topic.rows.get(a)[key]), sortOf(topic.rows.get(b)[key])));
    }
    return found;
  }
  function matches(row) {
    const all = options.columns.map((column) => textOf(row[column.key])).join(" ").toLowerCase();
    return state.words.split(/\s+/).every((word) => all.includes(word));
  }
  /** While the pointer is on the rows none moves under it: a press must not land on another row than was aimed at. */
  function heldOrder(wanted) {
    const fresh = new Set(wanted), kept = ids.filter((id) => fresh.has(id) || !topic.rows.has(id));
    const before = new Set(kept);
    return [...kept, ...wanted.filter((id) => !before.has(id))];
  }

  function row(id) {
    let found = made.get(id);
    if (found) return found;
    const tds = new Map(), tr = h("tr", {dataset: {row: id}});
    for (const column of shownColumns) {
      const td = h(column.head ? "th" : "td", {dataset: {key: column.key}, scope: column.head ? "row" : null});
      if (column.num) td.className = "num";
      tds.set(column.key, td);
      tr.append(td);
    }
    if (options.onRow) tr.classList.add("opens");
    found = {tr, tds, actions: options.actions ? actions(id, tr) : null};
    made.set(id, found);
    return found;
  }
  function actions(id, tr) {
    const all = options.actions.map((action) => {
      const {title, verb, values, shown, question, ...rest} = action;
      const mayNot = options.may && !options.may(verb);
      const button = h(action.danger ? "button.small.danger" : "button.small", {type: "button", disabled: mayNot, title: mayNot ? "Your role may not do this." : action.hint, onclick: () => {
        const now = topic.rows.get(id) || {};
        press(verb, values ? values(id, now) : {id}, {...rest, title: question ? question(now, id) : rest.question, button});
      }}, title);
      return {button, shown};
    });
    tr.append(h("td.actions", {}, all.map((one) => one.button)));
    return all;
  }
  /** Sets the cells of a row; of `keys` only, where given. Answers which cells changed. */
  function fill(id, keys) {
    const cells = topic.rows.get(id), {tr, tds, actions: all} = row(id), changes = [];
    for (const column of shownColumns) {
      const td = tds.get(column.key), cell = cells[column.key];
      if (column.make) { column.make(cell, cells, id, td); continue; }
      if (keys && !(column.key in keys)) continue;
      if (!put(td, cell)) continue;
      if (column.num && column.flash !== false) changes.push(td);
    }
    for (const one of all || []) if (one.shown) one.button.hidden = !one.shown(cells, id);
    tr.classList.remove("gone");
    return changes;
  }
  /** A column is as wide as the longest text it had, so that nothing jumps when figures change or rows scroll by. */
  function widen(told) {
    for (const column of shownColumns) {
      if (column.make) continue;
      let longest = widths.get(column.key) || 0;
      const before = longest;
      for (const cells of told) if (column.key in cells) longest = Math.max(longest, Math.min(textOf(cells[column.key]).length, MAX_WIDTH));
      if (longest === before) continue;
      widths.set(column.key, longest);
      const th = head.children[shownColumns.indexOf(column)];
      if (th) th.style.minWidth = width(column);
    }
  }
  const width = (column) => (column.num ? `${widths.get(column.key) + 1}ch` : `${widths.get(column.key) * 0.9}ch`);

  function drawPending() {
    const frame = pending;
    drawing = 0;
    pending = null;
    widen(frame.full ? topic.rows.values() : Object.values(frame.set || {}));
    draw({frame});
  }

  /** Which part of the rows is in the page. */
  function span() {
    if (ids.length <= MAX_WHOLE) return [0, ids.length];
    const tall = height || 28, view = scroller.clientHeight || innerHeight;
    const first = Math.max(Math.floor(scroller.scrollTop / tall) - SPARE, 0);
    return [first, Math.min(first + Math.ceil(view / tall) + 2 * SPARE, ids.length)];
  }
  function draw({all = false, frame = null, scrolled = false} = {}) {
    const restore = keepSelection(body);
    if (!scrolled) {
      const wanted = order();
      ids = state.held && !all ? heldOrder(wanted) : wanted;
      for (const id of [...made.keys()]) if (!topic.rows.has(id) && !ids.includes(id)) made.delete(id);
    }
    const [from, to] = span(), visible = ids.slice(from, to), told = all || scrolled || !frame || frame.full ? null : frame.set || {}, flashing = [];
    for (const id of visible) {
      if (!topic.rows.has(id)) { row(id).tr.classList.add("gone"); continue; }
      const isThere = made.get(id)?.tr.parentNode === body;
      if (!isThere || !told) fill(id);
      else if (id in told) flashing.push(...fill(id, frame.gone?.includes(id) ? null : told[id]));
    }
    const isPart = ids.length > MAX_WHOLE;
    place(body, [...(isPart ? [above] : []), ...visible.map((id) => made.get(id).tr), ...(isPart ? [below] : [])]);
    if (isPart) stretch(from, to, visible);
    reach(visible);
    flash(flashing);
    restore();
    if (!scrolled) words();
  }
  function stretch(from, to, visible) {
    if (!height) height = made.get(visible[0])?.tr.offsetHeight || 0;
    above.firstChild.style.height = `${from * (height || 28)}px`;
    below.firstChild.style.height = `${(ids.length - to) * (height || 28)}px`;
    element.setAttribute("aria-rowcount", ids.length + 1);
    visible.forEach((id, at) => made.get(id).tr.setAttribute("aria-rowindex", from + at + 2));
  }
  function reach(visible) {
    if (!options.onRow) return;
    const active = visible.includes(state.active) ? state.active : visible[0];
    for (const id of visible) {
      const {tr} = made.get(id), index = id === active ? 0 : -1, isChosen = id === state.chosen;
      if (tr.tabIndex !== index) tr.tabIndex = index;
      if (tr.classList.contains("chosen") !== isChosen) { tr.classList.toggle("chosen", isChosen); if (isChosen) tr.setAttribute("aria-current", "true"); else tr.removeAttribute("aria-current"); }
    }
  }
  function flash(tds) {
    if (!tds.length || tds.length > MAX_FLASHES || isCalm.matches) return;
    for (const td of tds) td.classList.add("flash");
    setTimeout(() => { for (const td of tds) td.classList.remove("flash"); }, FLASH_MS);
  }
  /** Rows there are; of a topic that holds other things too, those that are this table's. */
  const size = () => (options.filter ? [...topic.rows].filter(([id, row]) => options.filter(row, id)).length : topic.rows.size);
  function words() {
    const total = size();
    text(count, total ? (ids.length === total ? `${total}` : `${ids.length} of ${total}`) : "");
    for (const one of choices) one.offer(topic);
    const isShown = ids.length === 0;
    empty.hidden = !isShown;
    scroller.hidden = isShown && !total;
    tools.classList.toggle("is-idle", !total);
    if (isShown) say();
    mark();
  }
  function say() {
    const late = staleOf(topic);
    if (size()) text(empty, "Nothing matches.");
    else if (!topic.version) text(empty, late ? `This cannot be read now: ${late.why}. ${late.remedy || ""}` : "Loading…");
    else if (options.empty instanceof Node) { if (empty.firstChild !== options.empty) empty.replaceChildren(options.empty); }
    else text(empty, options.empty || "Nothing here.");
  }
  function mark() {
    const late = staleOf(topic);
    stale.hidden = !late;
    element.classList.toggle("stale", !!late);
    if (late) text(stale, `stale since ${moment(late.since)}`);
    stale.title = late ? `${late.why}. ${late.remedy || ""}` : "";
  }

  function go(event) {
    const id = event.target.dataset?.row, at = ids.indexOf(id);
    if (at < 0 || event.altKey || event.ctrlKey || event.metaKey) return;
    const page = Math.max(Math.floor(scroller.clientHeight / (event.target.offsetHeight || 28)) - 1, 1);
    const step = {ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -at, End: ids.length - 1 - at}[event.key];
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); open(id); } else if (step !== undefined) {
      event.preventDefault();
      focus(ids[Math.min(Math.max(at + step, 0), ids.length - 1)]);
    }
  }
  function focus(id) {
    state.active = id;
    if (made.get(id)?.tr.parentNode !== body) { scroller.scrollTop = ids.indexOf(id) * (height || 28); draw({scrolled: true}); }
    reach(ids.slice(...span()));
    const tr = made.get(id)?.tr;
    if (!tr) return;
    tr.focus({preventScroll: true});
    tr.scrollIntoView({block: "nearest"});
  }
  function open(id) {
    if (!topic.rows.has(id)) return;
    state.active = id;
    options.onRow(id, topic.rows.get(id));
  }
  function select(id) { state.chosen = id; reach(ids.slice(...span())); }

  if (options.onRow) {
    body.addEventListener("keydown", go);
    body.addEventListener("click", (event) => {
      const id = event.target.closest("tr")?.dataset.row;
      if (id && !event.target.closest("button,a,input,select,label") && getSelection().isCollapsed) open(id);
    });
  }
  body.addEventListener("pointerenter", (event) => { state.held = event.pointerType === "mouse"; });
  body.addEventListener("pointerleave", () => { if (state.held) { state.held = false; draw(); } });
  scroller.addEventListener("scroll", () => {
    if (ids.length <= MAX_WHOLE || scrolling) return;
    scrolling = requestAnimationFrame(() => { scrolling = 0; draw({scrolled: true}); });
  }, {passive: true});
  heads();
  words();
  link.listeners.add(mark);
  const stop = follow(options.topic, (found, frame) => {
    const isFirst = !topic.version;
    topic = found;
    pending = frame ? merged(pending, frame) : {full: true};
    if (isFirst) drawPending();
    else if (!drawing) drawing = requestAnimationFrame(drawPending); // Hidden tabs draw when they are looked at again.
  });
  return {
    element: box, refresh, select, ids: () => [...ids], get topic() { return topic; },
    stop: () => { stop(); cancelAnimationFrame(drawing); link.listeners.delete(mark); },
  };
}

const usuallyHidden = (options) => options.columns.filter((column) => column.hidden).map((column) => column.key);
const spacer = () => h("tr.space", {"aria-hidden": "true"}, h("td"));
function text(element, words) { if (element.textContent !== words) element.textContent = words; }

/** A choice of one value of a column. */
function choice(filter, state, changed) {
  const select = h("select", {"aria-label": filter.title, onchange: () => { state.filters[filter.key] = select.value; select.classList.toggle("is-set", !!select.value); changed(); }});
  let offered = null;
  function offer(topic) {
    const values = filter.values || [...new Set([...topic.rows.values()].map((row) => textOf(row[filter.key])).filter(Boolean))].sort(compare);
    if (select.value && !values.includes(select.value)) values.push(select.value);
    const now = values.join("\n");
    if (now === offered) return;
    offered = now;
    const chosen = select.value;
    select.replaceChildren(h("option", {value: ""}, `${filter.title}: all`), ...values.map((value) => h("option", {value}, value)));
    select.value = chosen;
  }
  return {element: select, offer};
}
