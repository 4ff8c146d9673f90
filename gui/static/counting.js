// Moments in the browser's own zone, and periods that count by themselves.
import {h} from "./dom.js";

const DASH = "–", THIN = "\u202f";
const time = new Intl.DateTimeFormat(undefined, {hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23"});
const day = new Intl.DateTimeFormat(undefined, {day: "numeric", month: "short"});

/** The zone all moments are written in, e.g. `Europe/Berlin`. */
export const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "local time";

/** `14:03:22`, with the day before it where that is another one; a dash where there is none. */
export function moment(ms) {
  if (!ms) return DASH;
  const at = new Date(Number(ms));
  return at.toDateString() === new Date().toDateString() ? time.format(at) : `${day.format(at)} ${time.format(at)}`;
}

/** `45 s`, `3 m 12 s`, `1 h 05 m`, `2 d 03 h`. */
export function span(ms) {
  const s = Math.max(Math.floor(ms / 1000), 0), two = (count) => String(count).padStart(2, "0");
  const say = (count, unit, rest, less) => `${count}${THIN}${unit} ${two(rest)}${THIN}${less}`;
  if (s >= 86400) return say(Math.floor(s / 86400), "d", Math.floor((s % 86400) / 3600), "h");
  if (s >= 3600) return say(Math.floor(s / 3600), "h", Math.floor((s % 3600) / 60), "m");
  return s >= 60 ? say(Math.floor(s / 60), "m", s % 60, "s") : `${s}${THIN}s`;
}

/** Counts in this element: down to `until` (then `over`), or up from `since`. Without either: a dash. */
export function count(element, {until = "", since = "", over = "over"}) {
  const told = until ? `until ${until}` : since ? `since ${since}` : "";
  if (element.dataset.counts !== told || element.dataset.over !== over) {
    element.dataset.counts = told;
    element.dataset.over = over;
    element.title = told ? `${until ? "until" : "since"} ${moment(until || since)} (${zone})` : "";
  }
  draw(element);
}

/** counted({until}) makes the element too. */
export function counted(options) {
  const element = h("span");
  count(element, options);
  return element;
}

function draw(element) {
  const [way, ms] = element.dataset.counts.split(" ");
  const left = way === "until" ? Number(ms) - Date.now() : Date.now() - Number(ms);
  const text = !way ? DASH : way === "until" && left <= 0 ? element.dataset.over : span(left);
  if (element.textContent !== text) element.textContent = text;
}

setInterval(() => { if (!document.hidden) document.querySelectorAll("[data-counts]").forEach(draw); }, 1000);
