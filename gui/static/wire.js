// One stream to the panel: taken up again after a break where it left off, polls where it is blocked.
// Runs in a tab or, for all tabs of a browser, in a shared worker. Knows nothing of the page.
import {apply, fresh} from "./rows.js";

const SILENT_MS = 2500; // The panel gives a sign of life each second.
const HELLO_MS = 4000;
const ANSWER_MS = 2000;
const BACK_OFF_MS = [250, 500, 1000, 2000, 4000, 8000];
const jittered = (ms) => ms * (0.5 + Math.random() / 2);

/** tell({frames}), tell({link: {up, since, polling}}), tell({ended: true}). */
export class Wire {
  constructor({world, refresh, guard, tell}) {
    Object.assign(this, {world, refresh: Math.max(refresh || 500, 250), guard, tell});
    this.topics = new Map();
    this.link = {up: null, since: Date.now(), polling: false}; // Not known yet.
    this.failures = 0;
    this.heard = Date.now();
    this.watch = setInterval(() => this.#look(), 500);
    this.open();
  }

  /** Follows these topics and no others. */
  want(names) {
    const wanted = new Set(names);
    for (const name of [...this.topics.keys()]) if (!wanted.has(name)) this.topics.delete(name);
    for (const name of wanted) if (!this.topics.has(name)) this.topics.set(name, fresh(name));
    clearTimeout(this.wanting);
    this.wanting = setTimeout(() => this.#ask(), 0);
  }

  open() {
    this.#shut();
    this.opened = Date.now();
    const source = (this.source = new EventSource(`/live?${this.#query()}`));
    const told = this.#names();
    source.addEventListener("hello", (event) => {
      this.number = event.data; this.heard = Date.now(); this.failures = 0; this.quiet = false;
      this.#mark(true, false);
      if (this.#names() !== told) this.#ask();
    });
    source.addEventListener("alive", () => { this.heard = Date.now(); this.#mark(true, false); });
    source.addEventListener("ended", () => this.#end());
    source.onmessage = (event) => { this.heard = Date.now(); this.#mark(true, false); this.#take(JSON.parse(event.data)); };
    source.onerror = () => this.#lost();
  }

  stop() {
    this.stopped = true;
    clearInterval(this.watch);
    clearTimeout(this.wanting);
    clearTimeout(this.again);
    this.#shut();
  }

  #names() { return [...this.topics.keys()].map(encodeURIComponent).join(","); }
  #query() {
    const have = [...this.topics.values()].filter((topic) => topic.version).map((topic) => `${encodeURIComponent(topic.name)}:${topic.version}`);
    return new URLSearchParams({world: this.world, topics: this.#names(), have: have.join(",")});
  }
  #shut() {
    if (this.source) this.source.close();
    this.source = this.number = null;
  }
  async #ask() {
    if (!this.number || this.stopped) return;
    try {
      const answer = await fetch("/live/want", {
        method: "POST", credentials: "same-origin", headers: {"content-type": "application/json", "x-terrace": this.guard},
        body: JSON.stringify({stream: this.number, topics: [...this.topics.keys()]}),
      });
      if (answer.status === 401) this.#end();
      else if (!answer.ok) this.#lost();
    } catch { /* The stream breaks too, and is taken up again with what is wanted then. */ }
  }
  #look() {
    if (!this.source) return;
    if (Date.now() - (this.number ? this.heard : this.opened) > (this.number ? SILENT_MS : HELLO_MS)) this.#lost();
  }
  /** The stream has broken or is blocked: polls meanwhile, and tries again, less and less often. */
  async #lost() {
    if (this.stopped || !this.source) return;
    const wasOpen = !!this.number;
    this.#shut();
    if (wasOpen && Date.now() - this.heard > SILENT_MS) this.#mark(false, false);
    this.tryAt = Date.now() + jittered(BACK_OFF_MS[Math.min(this.failures++, BACK_OFF_MS.length - 1)]);
    this.#rest();
  }
  async #rest() {
    const up = await this.#poll();
    if (this.stopped || this.source) return;
    this.#mark(up, up);
    const left = this.tryAt - Date.now();
    if (left <= 0) return this.open();
    this.again = setTimeout(() => this.#rest(), up ? Math.min(left, Math.max(this.refresh, 1000)) : Math.min(left, 1000));
  }
  async #poll() {
    try {
      const answer = await fetch(`/live/poll?${this.#query()}`, {credentials: "same-origin", signal: AbortSignal.timeout(ANSWER_MS)});
      if (answer.status === 401) this.#end();
      if (!answer.ok) return false;
      this.heard = Date.now();
      this.#take(await answer.json());
      return true;
    } catch {
      return false;
    }
  }
  #take(frames) {
    const known = frames.filter((frame) => this.topics.has(frame.topic));
    for (const frame of known) apply(this.topics.get(frame.topic), frame);
    if (known.length) this.tell({frames: known});
  }
  #end() {
    this.stop();
    this.tell({ended: true});
  }
  #mark(up, polling) {
    if (this.link.up === up && this.link.polling === polling) return;
    this.link = {up, polling, since: this.link.up === up ? this.link.since : up ? Date.now() : this.heard};
    this.tell({link: this.link});
  }
}
