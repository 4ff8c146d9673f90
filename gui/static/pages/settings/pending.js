// The bar of changes that are not applied: what is wrong with them, what they would do, and applying them.
import {changesTable, notesList} from "./diff.js";

const MAX_EFFECTS = 4;

export function pendingBar(ctx, draft, goTo) {
  const {h, act, ask, say, words} = ctx;
  const text = h("strong"), state = h("span", {role: "status"}), faults = h("ul.faults");
  const review = h("button.main", {type: "button", onclick: () => apply()}, "Review and apply");
  const bar = h("section.pending", {"aria-label": "Changes not applied", hidden: true}, h("div.pending-line", {}, text, state, h("span.buttons", {}, h("button", {type: "button", onclick: discard}, "Discard"), review)), faults);

  draft.onChange.add(() => {
    const count = draft.edits.size, {valid, problems, notes, changes} = draft.judged;
    bar.hidden = !count || !draft.mayEdit;
    text.textContent = `${count} ${count === 1 ? "change" : "changes"} not applied`;
    const restarts = changes.filter((one) => one.restart).length;
    state.textContent = draft.isChecking ? "checking …" : valid ? `valid${restarts ? `, ${restarts} only after a restart` : ""}` : `${problems.length} ${problems.length === 1 ? "fault" : "faults"}: mend before applying`;
    state.dataset.tone = draft.isChecking ? "dim" : valid ? "good" : "bad";
    review.disabled = draft.isChecking || !valid;
    faults.replaceChildren(...(draft.isChecking ? [] : problems.slice(0, 6)).map((one) => h("li", {}, one.path ? h("button.link", {type: "button", onclick: () => goTo(one.path)}, one.path) : null, one.path ? ": " : "", one.message)),
      ...(draft.isChecking || !valid ? [] : changes.flatMap((one) => one.effects.map((effect) => `${one.path}: ${effect}`)).slice(0, MAX_EFFECTS)).map((effect) => h("li", {}, effect)),
      ...(draft.isChecking || !valid ? [] : notes).map((note) => h("li", {dataset: {tone: "warn"}}, note)));
  });

  async function discard() {
    if (await ask({title: `Discard ${draft.edits.size} ${draft.edits.size === 1 ? "change" : "changes"}?`, body: "Nothing of it has been applied.", yes: "Discard"})) draft.clear();
  }
  async function apply() {
    await draft.check();
    if (!draft.judged.valid) return;
    if (!draft.judged.changes.length) say("These changes come to what is in force already.", "warn");
    const would = await act("config_apply", {changes: draft.changes(), etag: draft.form.etag}, {preview: true});
    if (would.error) return refused(would.error);
    const body = h("div", {}, changesTable(ctx, would.done.changes), notesList(ctx, would.done.notes));
    if (!(await ask({title: `Apply ${would.done.changes.length} ${would.done.changes.length === 1 ? "change" : "changes"}?`, body, yes: "Apply"}))) return;
    draft.busy = true;
    review.disabled = true;
    const answer = await act("config_apply", {changes: draft.changes(), etag: draft.form.etag});
    draft.busy = false;
    review.disabled = false;
    if (answer.error) return refused(answer.error);
    draft.edits.clear();
    say(answer.done.said);
    for (const note of answer.done.notes) say(note, "warn");
    await draft.load();
  }
  async function refused(error) {
    if (error.reason !== "ETAG_MISMATCH") return say(words(error), "bad");
    const answer = await fetch(`/x/settings/difference?from=${draft.form.version}&to=0`, {credentials: "same-origin"});
    const found = await answer.json();
    const body = h("div", {}, h("p", {}, `${draft.newerSaid()} Nothing of yours was applied.`), changesTable(ctx, found.changes || [], false), h("p", {}, "Your changes can be put on top of it; you see what they do before they are applied."), found.changes?.length ? null : h("p", {}, error.message));
    if (await ask({title: "The configuration is newer than what you changed", body, yes: "Put mine on top"})) { await draft.load(); await draft.check(); }
  }
  return bar;
}
