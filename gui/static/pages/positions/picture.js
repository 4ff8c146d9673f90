// The ladder as a picture: prices from bottom to top, what was bought left of the axis, where it leads right of it.
import {sortOf, textOf} from "../../dom.js";

const SPACE = "http://www.w3.org/2000/svg";
const HEIGHT = 420, GAP = 14, EDGE = 14, DONE = new Set(["CANCELLED", "REJECTED", "CLOSED", "TP_HIT"]);

function s(name, attributes = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const element = document.createElementNS(SPACE, tag);
  if (classes.length) element.setAttribute("class", classes.join(" "));
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}
const value = (cell) => { const text = sortOf(cell); return text === "" ? null : Number(text); };

/** What is drawn of a group's rows: levels left and right of the axis. Positions only: no sum is made of these. */
export function levels(rows) {
  const facts = rows.get("") || {}, left = [], right = [], targets = new Map();
  for (const [id, row] of rows) {
    if (!id.startsWith("l:")) continue;
    const state = sortOf(row.state), at = value(row.fill) ?? value(row.price), name = `P${row.pyramid} L${row.index}`;
    const kind = state === "FILLED" || state === "PARTIALLY_FILLED" ? "filled" : DONE.has(state) ? "done" : "open";
    if (at !== null) left.push({at, kind, name, text: `${textOf(value(row.fill) === null ? row.price : row.fill)}`, words: textOf(row.state)});
    const target = value(row.target);
    if (target === null || DONE.has(state)) continue;
    const key = textOf(row.target), known = targets.get(key);
    if (known) known.names.push(name); else targets.set(key, {at: target, kind: kind === "filled" ? "target" : "planned", text: key, names: [name]});
    if (known && kind === "filled") known.kind = "target";
  }
  for (const one of targets.values()) right.push({...one, name: one.names.length > 2 ? `target ×${one.names.length}` : `target ${one.names.join(", ")}`});
  for (const [key, kind, name] of [["entry", "average", "average"], ["target", "target", "target of all"], ["stop", "stop", "stop"], ["mark", "mark", "mark"], ["liquidation", "liquidation", "liquidation"]]) {
    const at = value(facts[key]);
    if (at !== null && !(key === "target" && targets.has(textOf(facts[key])))) right.push({at, kind, name, text: textOf(facts[key])});
  }
  return {left, right};
}

/** In words, for who does not see it. */
export function words(rows) {
  const facts = rows.get("") || {}, {left, right} = levels(rows);
  const told = right.sort((a, b) => b.at - a.at).map((one) => `${one.name} ${one.text}`);
  const legs = left.map((one) => `${one.name} ${one.text} ${one.words}`);
  return `Price ladder of ${textOf(facts.pair)} ${textOf(facts.timeframe)} ${sortOf(facts.side)}, from the top: ${told.join("; ") || "no price yet"}. Legs: ${legs.join("; ") || "none"}.`;
}

/** Draws into `box`, again only where something moved. */
export function draw(box, rows) {
  const width = Math.max(280, Math.min(box.clientWidth || 420, 620));
  const {left, right} = levels(rows);
  const key = JSON.stringify([width, left, right, sortOf(rows.get("")?.side)]);
  if (box.dataset.drawn === key) return;
  box.dataset.drawn = key;
  const far = right.filter((one) => one.kind === "liquidation" || one.kind === "stop");
  const scale = scaled([...left, ...right.filter((one) => one.kind !== "liquidation" && one.kind !== "stop")], far);
  const axis = Math.round(width * 0.44);
  const svg = s("svg.price-ladder", {viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: "img", "aria-label": words(rows)});
  svg.append(s("line.axis", {x1: axis, x2: axis, y1: 4, y2: HEIGHT - 4}));
  zone(svg, axis, scale, right, sortOf(rows.get("")?.side) === "short");
  for (const label of placed(left, scale)) side(svg, label, axis, -1);
  for (const label of placed(right, scale)) side(svg, label, axis, 1);
  box.replaceChildren(svg);
}

/** Price to height. What is far off the rest stands at the edge and says so, lest it flattens the ladder. */
function scaled(near, far) {
  const prices = near.map((one) => one.at);
  if (!prices.length) prices.push(...far.map((one) => one.at));
  let low = Math.min(...prices), high = Math.max(...prices);
  const reach = Math.max(high - low, high * 0.002);
  for (const {at} of far) if (at >= low - reach && at <= high + reach) { low = Math.min(low, at); high = Math.max(high, at); }
  const room = Math.max(high - low, high * 0.001, 1e-12);
  const top = high + room * 0.04, bottom = low - room * 0.04;
  return (at) => {
    const y = EDGE + ((top - at) / (top - bottom)) * (HEIGHT - 2 * EDGE);
    return {y: Math.min(Math.max(y, EDGE / 2), HEIGHT - EDGE / 2), off: at > top ? "▲ off scale: " : at < bottom ? "▼ off scale: " : ""};
  };
}

/** Between average and mark: what is gained or lost. */
function zone(svg, axis, scale, right, isShort) {
  const average = right.find((one) => one.kind === "average"), mark = right.find((one) => one.kind === "mark");
  if (!average || !mark) return;
  const a = scale(average.at).y, b = scale(mark.at).y, gains = isShort ? mark.at < average.at : mark.at > average.at;
  svg.append(s(gains ? "rect.zone.gain" : "rect.zone.loss", {x: axis - 5, width: 10, y: Math.min(a, b), height: Math.max(Math.abs(a - b), 1)}));
}

/** Labels without overlap: the closest ones are told together until there is room, then each is moved as little as it must. */
export function placed(items, scale) {
  let labels = items.map((one) => { const at = {...one, ...scale(one.at)}; return {...at, all: [at]}; }).sort((a, b) => a.y - b.y);
  const most = Math.floor((HEIGHT - GAP) / GAP);
  while (labels.length > most) {
    let at = 1;
    for (let i = 2; i < labels.length; i++) if (labels[i].y - labels[i - 1].y < labels[at].y - labels[at - 1].y) at = i;
    labels.splice(at - 1, 2, together(labels[at - 1], labels[at]));
  }
  labels.forEach((label, i) => { label.at_y = i ? Math.max(label.y, labels[i - 1].at_y + GAP) : label.y; });
  let floor = HEIGHT - GAP / 2;
  for (const label of [...labels].reverse()) {
    label.at_y = Math.min(label.at_y, floor);
    floor = label.at_y - GAP;
  }
  return labels;
}

function together(a, b) {
  const all = [...a.all, ...b.all];
  return {...a, all, y: (a.y + b.y) / 2, name: `${all.length} ×`, text: `${all[0].text} – ${all[all.length - 1].text}`};
}

function side(svg, label, axis, way) {
  for (const one of label.all) point(svg, one, axis, way);
  const x = axis + way * 34, y = label.at_y;
  svg.append(s("polyline.lead", {points: `${axis + way * 9},${label.y} ${axis + way * 22},${y} ${x - way * 4},${y}`}));
  const name = s("tspan.name", {}, `${label.off}${label.name} `), price = s("tspan.figure", {}, label.text);
  svg.append(s(`text.${label.kind}`, {x, y: y + 4, "text-anchor": way < 0 ? "end" : "start"}, ...(way < 0 ? [name, price] : [price, s("tspan.name", {}, ` ${label.off}${label.name}`)])));
}

function point(svg, {kind, y}, axis, way) {
  if (["mark", "average", "stop", "liquidation"].includes(kind)) svg.append(s(`line.${kind}`, {x1: axis - 30, x2: axis + 30, y1: y, y2: y}));
  else if (way < 0) svg.append(s(`circle.${kind}`, {cx: axis - 9, cy: y, r: 4}));
  else svg.append(s(`path.${kind}`, {d: `M${axis + 5},${y - 4} l8,4 l-8,4 z`}));
}
