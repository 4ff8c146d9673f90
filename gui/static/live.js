// What a page follows. The stream is shared with the other tabs of the browser where that can be (worker.js).
import {onPace, pace} from "./pace.js";
import {apply, fresh, merged} from "./rows.js";
import {Wire} from "./wire.js";

const HERE_MS = 20000;
const WORKER_MS = 3000;
const HURRY_MS = 3000; // After a press everything is drawn as it comes, however rarely otherwise.
const topics = new Map(); // name -> {rows: Map, order: [], version, at, stale, listeners: Set}
const heard = new Set(); // Called at each word of the panel, once.
const owed = new Map(); // topic -> frame that its listeners have not been told of yet
let way = null, world = "", guard = "", wanting = 0, every = pace(), due = 0, hurried = 0;
onPace((now) => { every = now; tellOwed(); });

/** Whether the panel answers, since when that is so, and whether it is polled because the stream is blocked. */
export const link = {up: false, known: false, since: Date.now(), polling: false, listeners: new Set()};

/** follow("groups", (topic, frame) => ...): at once with what is known, then at each change. Returns a way to stop. */
export function follow(name, listener) {
  let topic = topics.get(name);
  if (!topic) topics.set(name, (topic = {...fresh(name), listeners: new Set()}));
  topic.listeners.add(listener);
  if (topic.version || topic.stale) listener(topic, null);
  want();
  return () => {
    topic.listeners.delete(listener);
    if (!topic.listeners.size && topics.get(name) === topic) { topics.delete(name); want(); }
  };
}

export function start(options) {
  world = options.world || "";
  const given = {world, refresh: options.refresh_ms || 500, guard};
  way = "SharedWorker" in globalThis ? shared(given) : alone(given);
  setInterval(() => link.listeners.forEach((listener) => listener(link)), 1000);
}

/** Since when what is on the screen is not current, and why; null while it is. */
export function away() {
  if (link.known && !link.up) return {since: link.since, why: "the panel does not answer", remedy: "It is asked again by itself."};
  const stale = topics.get("state")?.stale;
  return stale ? {since: stale.since, why: stale.why, remedy: stale.remedy} : null;
}

/** Since when this topic is not current, and why; null while it is. */
export function staleOf(topic) {
  return link.up || !link.known ? topic.stale : {since: link.since, why: "the panel does not answer", remedy: ""};
}

/** Resolves at the next word of the panel, or after `ms`. */
export function nextWord(ms = 1500) {
  return new Promise((resolve) => {
    const timer = setTimeout(() => { heard.delete(done); resolve(); }, ms);
    const done = () => { clearTimeout(timer); resolve(); };
    heard.add(done);
  });
}

function alone(given) {
  const wire = new Wire({...given, tell: told});
  wire.want([...topics.keys()]);
  return {want: (names) => wire.want(names)};
}

function shared(given) {
  let worker, known = false;
  const names = () => [...topics.keys()];
  const instead = () => { if (!known) { known = true; worker?.port.close(); way = alone(given); } };
  try { worker = new SharedWorker(new URL("./worker.js", import.meta.url), {type: "module", name: "terrace-1"}); } catch { return alone(given); }
  const timer = setTimeout(instead, WORKER_MS);
  worker.onerror = instead;
  worker.port.onmessage = ({data}) => {
    if (data.hello) { known = true; clearTimeout(timer); }
    told(data);
  };
  const say = (message) => worker.port.postMessage(message);
  const begin = () => { say({start: given}); say({want: names()}); };
  begin();
  addEventListener("pagehide", () => say({bye: true}));
  addEventListener("pageshow", (event) => event.persisted && begin());
  setInterval(() => say({here: true}), HERE_MS);
  document.addEventListener("visibilitychange", () => say({here: true}));
  return {want: (wanted) => say({want: wanted})};
}

function told({frames, link: now, ended}) {
  if (ended) return toLogin();
  if (now && now.up !== null) {
    const changed = !link.known || link.up !== now.up || link.polling !== now.polling;
    Object.assign(link, now, {known: true});
    if (changed) link.listeners.forEach((listener) => listener(link));
  }
  if (!frames) return;
  frames.forEach(take);
  for (const done of heard) done();
  heard.clear();
}

function take(frame) {
  const topic = topics.get(frame.topic);
  if (!topic) return;
  const isFirst = !topic.version, wasStale = !!topic.stale;
  apply(topic, frame);
  owed.set(topic, owed.has(topic) ? merged(owed.get(topic), frame) : frame);
  if (!every || isFirst || wasStale !== !!topic.stale || Date.now() < hurried) tell(topic);
  else due ||= setTimeout(tellOwed, every - (Date.now() % every)); // All at once, in all tabs.
}

function tell(topic) {
  const frame = owed.get(topic);
  owed.delete(topic);
  for (const listener of [...topic.listeners]) {
    try { listener(topic, frame); } catch (error) { console.error(error); }
  }
}

function tellOwed() {
  clearTimeout(due);
  due = 0;
  for (const topic of [...owed.keys()]) tell(topic);
}

function want() {
  clearTimeout(wanting);
  wanting = setTimeout(() => way?.want([...topics.keys()]), 0);
}

function toLogin() { location.assign(`/login?${new URLSearchParams({then: location.pathname + location.search + location.hash, why: "ended"})}`); }

export function setGuard(text) { guard = text; }
export function post(path, body) {
  return fetch(path, {
    method: "POST", credentials: "same-origin", headers: {"content-type": "application/json", "x-terrace": guard}, body: JSON.stringify(body),
  });
}

/** Presses a button: {done} or {error: {reason, message, remedy}}. Never throws. */
export async function act(verb, values = {}, options = {}) {
  try {
    const answer = await post(`/act/${verb}?world=${world}`, {values, preview: !!options.preview, request_id: options.request_id || crypto.randomUUID?.() || `${Date.now()}-${Math.random()}`});
    if (answer.status === 401) toLogin();
    if (!options.preview) { hurried = Date.now() + HURRY_MS; tellOwed(); }
    return await answer.json();
  } catch {
    return {error: {kind: "Unknown", reason: "PANEL_UNREACHABLE", message: "the panel cannot be reached: it is not known whether this was done", remedy: "Look again when it is back."}};
  }
}
