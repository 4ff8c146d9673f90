// The configuration as it was read, and the changes to it that are not applied yet.

const CHECK_MS = 350;

export class Draft {
  constructor(ctx) {
    this.ctx = ctx;
    this.form = null;
    this.trouble = "";
    this.edits = new Map(); // path -> {path, kind, value, before, unset, shown}
    this.judged = {valid: true, problems: [], changes: [], notes: []};
    this.isChecking = false;
    this.busy = false;
    this.versions = null;
    this.onLoad = new Set();
    this.onChange = new Set();
    this.mayEdit = ctx.may("config_apply");
    addEventListener("beforeunload", (event) => { if (this.edits.size) event.preventDefault(); });
  }

  /** Reads the configuration in force anew; changes that are not applied stay, on top of it. */
  async load() {
    try {
      const answer = await fetch("/x/settings/form", {credentials: "same-origin"});
      const found = await answer.json();
      if (found.error) throw new Error(this.ctx.words(found.error));
      this.form = found;
      this.byPath = new Map(found.keys.map((key) => [key.path, key]));
      for (const edit of this.edits.values()) edit.before = this.inFile(edit.steps);
    } catch (error) {
      this.trouble = `The configuration could not be read: ${error.message}. It is tried again by itself.`;
      return false;
    }
    for (const listener of this.onLoad) listener();
    this.touched();
    return true;
  }

  /** What is in force at these steps; undefined where there is nothing. */
  inForce(steps) { return at(this.form.in_force, steps); }
  /** What the file says there; null where it says nothing. */
  inFile(steps) { return at(this.form.file, steps) ?? null; }
  isInFile(steps) { return at(this.form.file, steps) !== undefined; }

  set(edit) { this.edits.set(edit.key || edit.path, edit); this.touched(); }
  drop(path) { if (this.edits.delete(path)) this.touched(); }
  /** Drops changes of keys below this one. */
  dropBelow(path) { for (const one of [...this.edits.keys()]) if (one.startsWith(`${path}.`) || one.startsWith(`${path}[`)) this.edits.delete(one); }
  clear() { this.edits.clear(); this.touched(); for (const listener of this.onLoad) listener(); }
  sectionOf(path) { const first = path.split(/[.[]/)[0]; return this.form.sections.some((one) => one.key === first) ? first : "general"; }
  countIn(section) { return [...this.edits.keys()].filter((path) => this.sectionOf(path) === section).length; }

  /** As a press takes them. */
  changes() { return [...this.edits.values()].map(({path, kind, value, before, unset}) => ({path, kind, value: value ?? null, before: before ?? null, unset: !!unset})); }

  touched() {
    clearTimeout(this.timer);
    this.isChecking = this.edits.size > 0;
    if (this.isChecking) this.timer = setTimeout(() => this.check(), CHECK_MS);
    else this.judged = {valid: true, problems: [], changes: [], notes: []};
    this.tell();
  }
  tell() { for (const listener of this.onChange) listener(); }

  async check() {
    const round = (this.round = (this.round || 0) + 1);
    const answer = await this.ctx.act("config_check", {changes: this.changes()});
    if (round !== this.round) return; // Something was changed since.
    this.isChecking = false;
    if (answer.done) for (const one of answer.done.problems) one.message = one.message.replace(/^line \d+: /, ""); // The line is of a file nobody has seen yet.
    this.judged = answer.done || {valid: false, isUnknown: true, problems: [{path: "", message: this.ctx.words(answer.error)}], changes: [], notes: []};
    this.tell();
  }

  /** The fault of this key or of something in it; empty if there is none. */
  faultOf(path) {
    const found = this.judged.problems.filter((one) => one.path === path || one.path.startsWith(`${path}.`) || one.path.startsWith(`${path}[`));
    return found.map((one) => (one.path === path ? one.message : `${one.path.slice(path.length).replace(/^\./, "")}: ${one.message}`)).join("; ");
  }

  /** Who changed what since the configuration was read, in one sentence. */
  newerSaid() {
    const rows = [...(this.versions?.rows || [])].filter(([version]) => Number(version) > Number(this.form.version));
    if (!rows.length) return "Somebody has changed the configuration since you read it.";
    return rows.reverse().map(([version, row]) => `Version ${version}, ${row.source === "the file" ? "edited in the file" : `by ${row.author} over ${row.source}`}, changed ${list(row.changed)}.`).join(" ");
  }
}

const list = (text) => { const all = text ? text.split("\n") : []; return all.slice(0, 5).join(", ") + (all.length > 5 ? ` and ${all.length - 5} more` : "") || "nothing that counts"; };

function at(tree, steps) {
  for (const step of steps) {
    if (tree === null || typeof tree !== "object") return undefined;
    tree = tree[step];
  }
  return tree;
}

/** Steps as a path of the contract: names with dots in quotes, entries of lists in brackets. */
export function pathOf(steps) {
  return steps.map((step, index) => (typeof step === "number" ? `[${step}]` : (index ? "." : "") + (/^[^."[\]]+$/.test(step) ? step : `"${step}"`))).join("");
}
