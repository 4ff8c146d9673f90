// Sections of the configuration as forms, made from what DescribeConfig says of each key.
import {field, helpOf} from "./fields.js";
import {ladderControl} from "./ladder.js";
import {adder} from "./adding.js";
import {pathOf} from "./draft.js";

const NAMED = ["accounts", "sources"]; // Maps whose entries are sections of their own.
const LISTED = ["notifications", "strategy.overrides"];

export function sectionPane(pane, ctx, draft, name) {
  const {h} = ctx;
  const section = draft.form.sections.find((one) => one.key === name), key = draft.byPath.get(name) || {kind: "", help: "What stands at the top of the file."};
  if (!section) return pane.append(h("p.empty", {}, "There is no such section. Choose one from the list."));
  pane.append(h("h2", {}, section.title), h("p.help", {}, helpOf(h, key.help)));
  const why = whyNot(ctx, draft);
  if (why) pane.append(h("p.settings-why", {}, why));
  const part = new Part(ctx, draft, () => true);
  part.section(pane, name, key, 3);
}

export function searchPane(pane, ctx, draft, words) {
  const {h} = ctx;
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (key) => { const text = `${key.path} ${key.label} ${key.help || ""} ${(key.allowed || []).join(" ")} ${key.rule || ""}`.toLowerCase(); return wanted.every((word) => text.includes(word)); };
  pane.append(h("h2", {}, `Keys with “${words.trim()}”`));
  const part = new Part(ctx, draft, fits);
  for (const section of draft.form.sections) {
    const box = h("section", {}, h("h3", {}, section.title));
    part.section(box, section.key, draft.byPath.get(section.key), 4);
    if (box.querySelector("[data-path]")) pane.append(box);
  }
  if (!pane.querySelector("[data-path]")) pane.append(h("p.empty", {}, "No key has these words in its path or help."));
}

function whyNot({me}, draft) {
  if (!draft.mayEdit) return `You are logged in as ${me.role.toLowerCase()}: this can be looked at. Changing it needs a token of the role admin.`;
  return draft.inForce(["engine", "mode"]) === "read_only" ? "The engine is in read-only mode: it takes no change from the panel or the command line. Set engine.mode to normal in the file itself." : "";
}

class Part {
  constructor(ctx, draft, fits) { Object.assign(this, {ctx, draft, fits, h: ctx.h}); }

  section(parent, name, key, level) {
    if (name === "general") for (const one of this.draft.form.keys.filter((each) => this.draft.sectionOf(each.path) === "general")) this.key(parent, one, [one.path], level);
    else if (key.kind === "SECTION") this.children(parent, name, [name], level);
    else this.key(parent, key, [name], level);
  }

  /** Keys directly below a template path, at these steps of the configuration. */
  children(parent, template, steps, level) {
    const start = template ? `${template}.` : "";
    for (const key of this.draft.form.keys) {
      if (!key.path.startsWith(start) || key.path === template) continue;
      const rest = key.path.slice(start.length);
      if (rest.includes(".") || rest.includes("[]") || rest === "*") continue;
      this.key(parent, key, [...steps, rest], level);
    }
  }

  key(parent, key, steps, level) {
    const {h, draft} = this;
    if (NAMED.includes(key.path)) return this.named(parent, key, steps, level);
    if (LISTED.includes(key.path)) return this.listed(parent, key, steps, level);
    const hasKeys = draft.form.keys.some((one) => one.path.startsWith(`${key.path}.`));
    if (key.kind === "SECTION" && hasKeys && !key.nullable) {
      const box = h("section.sub", {}, h(`h${level}`, {}, key.label, h("code", {}, pathOf(steps))), key.help ? h("p.help", {}, helpOf(h, key.help)) : null);
      this.children(box, key.path, steps, Math.min(level + 1, 6));
      if (box.querySelector("[data-path]")) parent.append(box);
      return;
    }
    if (!this.fits(key) || this.isForeign(key, steps)) return;
    parent.append(field(this.ctx, draft, key, steps, key.path.endsWith(".levels") ? ladderControl : null));
  }

  /** Accounts of an exchange have keys that the paper exchange has not, and the other way round. */
  isForeign(key, steps) {
    if (steps[0] !== "accounts" || steps.length < 3) return false;
    const isPaper = this.draft.inForce(["accounts", steps[1]])?.exchange === "paper";
    return (key.help || "").startsWith(isPaper ? "Accounts of a real exchange only." : "Paper accounts only.");
  }

  named(parent, key, steps, level) {
    for (const name of Object.keys(this.draft.inForce(steps) || {})) this.entry(parent, `${key.path}.*`, [...steps, name], name, level);
    this.addButton(parent, key);
  }

  listed(parent, key, steps, level) {
    const all = this.draft.inForce(steps) || [];
    all.forEach((one, index) => this.entry(parent, `${key.path}[]`, [...steps, index], titleOf(key.path, one, index), level));
    if (!all.length && this.fits(key)) parent.append(this.h("p.empty", {dataset: {path: pathOf(steps)}}, key.path === "notifications" ? "No channel: notices are shown here and in the log, and are sent nowhere. Add one below." : "No overrides: every group trades as the defaults say. Add one below."));
    this.addButton(parent, key);
  }

  entry(parent, template, steps, title, level) {
    const {h, draft} = this, path = pathOf(steps);
    const gone = draft.edits.get(path)?.unset;
    const body = h("div.entry-body", {});
    this.children(body, template, steps, Math.min(level + 1, 6));
    if (!body.querySelector("[data-path]")) return;
    const remove = draft.mayEdit ? h("button", {type: "button", onclick: () => this.remove(path, steps, details, remove)}, gone ? "Keep it" : "Remove") : null;
    const details = h("details.entry", {open: true, dataset: {gone: gone ? "yes" : "no"}}, h("summary", {}, h(`h${level}`, {}, title), h("code", {}, path)), remove ? h("p.entry-tools", {}, remove) : null, body);
    parent.append(details);
  }

  remove(path, steps, details, button) {
    const {draft} = this, gone = details.dataset.gone !== "yes";
    if (gone) { draft.dropBelow(path); draft.set({path, steps, kind: "", unset: true, before: draft.inFile(steps), shown: ["there", "removed"]}); } else draft.drop(path);
    details.dataset.gone = gone ? "yes" : "no";
    button.textContent = gone ? "Keep it" : "Remove";
  }

  addButton(parent, key) {
    if (this.draft.mayEdit && this.fits(key)) parent.append(adder(this.ctx, this.draft, key));
  }
}

function titleOf(path, one, index) {
  if (path === "notifications") return one.name || `channel-${index + 1}`;
  const match = Object.entries(one.match || {}).filter(([, value]) => value);
  return `Override ${index + 1}: ${match.map(([name, value]) => `${name} ${value}`).join(", ") || "every group"}`;
}
