// Times in the browser's own zone, and ages that count by themselves.
import {h} from "./dom.js";

export const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "local time";
const clockOf = new Intl.DateTimeFormat("en-GB", {hour: "2-digit", minute: "2-digit", second: "2-digit"});
const dayOf = new Intl.DateTimeFormat("en-GB", {day: "numeric", month: "short"});
const yearOf = new Intl.DateTimeFormat("en-GB", {day: "numeric", month: "short", year: "numeric"});
let ahead = 0; // How far this browser's clock is ahead of the panel's, in ms, where it is plainly off.

/** The panel's time as a topic brings it: ages are counted by it, however wrong this machine's clock is. */
export function sync(at) {
  const off = Date.now() - at;
  ahead = Math.abs(off) > 10000 ? off : 0;
}
export const now = () => Date.now() - ahead;

/** `04:43:01` of today, `22 Nov 04:43` of another day of this year, else with the year. */
export function clock(ms) {
  const then = new Date(ms), today = new Date(now());
  if (then.toDateString() === today.toDateString()) return clockOf.format(then);
  const day = then.getFullYear() === today.getFullYear() ? dayOf : yearOf;
  return `${day.format(then)} ${clockOf.format(then).slice(0, 5)}`;
}
export const day = (ms) => dayOf.format(new Date(ms));
export const whole = (ms) => `${yearOf.format(new Date(ms))} ${clockOf.format(new Date(ms))}, ${zone}`;

/** `3 m 12 s`: the two largest units. */
export function span(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000)), units = [[86400, "d"], [3600, "h"], [60, "m"], [1, "s"]];
  const first = units.findIndex(([size]) => seconds >= size);
  if (first < 0) return "0 s";
  return units.slice(first, first + 2).map(([size, unit], at) => [Math.floor((at ? seconds % units[first][0] : seconds) / size), unit]).filter(([count], at) => count || !at).map(([count, unit]) => `${count} ${unit}`).join(" ");
}

const ticking = new Set();
setInterval(() => {
  for (const element of ticking) if (element.isConnected || !element.dataset.was) tick(element); else ticking.delete(element);
}, 1000);
function tick(element) {
  if (element.isConnected) element.dataset.was = "1";
  const ms = Number(element.dataset.ms), {form = "clock", none = "–"} = element.dataset;
  const words = !ms ? none : form === "age" ? `${span(now() - ms)}` : form === "since" ? `since ${clock(ms)} (${span(now() - ms)})` : form === "ago" ? `${span(now() - ms)} ago` : form === "until" ? (ms > now() ? `in ${span(ms - now())}` : "now") : clock(ms);
  if (element.textContent !== words) element.textContent = words;
  const title = ms ? whole(ms) : "";
  if (element.title !== title) element.title = title;
}

/** A moment on the page. form: clock | age | since | ago | until. Set it with `at(element, cell)`. */
export function moment(form = "clock", none = "–") {
  const element = h("time", {dataset: {form, none}});
  ticking.add(element);
  tick(element);
  return element;
}
export function at(element, cell) {
  const ms = Array.isArray(cell) ? cell[2] || "" : cell || "";
  if (element.dataset.ms !== ms) {
    element.dataset.ms = ms;
    if (ms) element.setAttribute("datetime", new Date(Number(ms)).toISOString()); else element.removeAttribute("datetime");
    ticking.add(element);
  }
  tick(element);
}
