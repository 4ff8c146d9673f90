// Every configuration that was in force: who, when, what; compared; put in force again.
import {changesTable, lines, makeLines, makeTime, notesList, when} from "./diff.js";
import {zone} from "../../moments.js";

export function versionsPane(pane, ctx, draft) {
  const {h, table} = ctx;
  const from = h("select", {id: "settings-from"}), to = h("select", {id: "settings-to"}), result = h("div.difference", {role: "status"});
  pane.append(h("h2", {}, "Versions"), h("p.help", {}, `Times in ${zone}. A version is put in force again as a new one; nothing is lost.`));
  const list = table(pane, {topic: "settings_versions", key: "settings_versions", caption: "Versions of the configuration", empty: "No version is stored yet: the first is stored when the daemon has started.", columns: [
    {key: "version", title: "Version", num: true}, {key: "current", title: "State"}, {key: "time", title: "Applied", make: makeTime}, {key: "author", title: "By"}, {key: "source", title: "Over"}, {key: "changed", title: "Keys that changed", make: makeLines(3)},
  ], onRow: (id) => compare(String(Math.max(1, Number(id) - 1)), id)});
  pane.append(h("section", {}, h("h3", {}, "Compare"), h("div.compare", {}, h("label", {for: "settings-from"}, "From"), from, h("label", {for: "settings-to"}, "to"), to, h("button", {type: "button", onclick: () => compare(from.value, to.value)}, "Compare"),
    draft.mayEdit ? h("button", {type: "button", onclick: () => restore({defaults: true}, "the shipped defaults")}, "Restore the defaults") : null), result));
  const stop = ctx.follow("settings_versions", (topic) => {
    for (const [select, chosen] of [[from, Math.max(1, Number(draft.form.version) - 1)], [to, draft.form.version]]) {
      const kept = select.value || String(chosen);
      select.replaceChildren(...topic.order.map((id) => h("option", {value: id}, `${id}${topic.rows.get(id)?.current ? " (in force)" : ""}`)));
      select.value = topic.rows.has(kept) ? kept : topic.order[0] || "";
    }
  });

  async function compare(first, second) {
    from.value = first; to.value = second;
    const answer = await fetch(`/x/settings/difference?from=${first}&to=${second}`, {credentials: "same-origin"});
    const found = await answer.json();
    if (found.error) return result.replaceChildren(h("p.fault", {}, ctx.words(found.error)));
    const row = draft.versions?.rows.get(second);
    result.replaceChildren(h("h4", {}, `Version ${first} to ${second}`), row ? h("p.help", {}, `${second}: ${row.source === "the file" ? "edited in the file" : `${row.author} over ${row.source}`}, ${when(row.time)}`) : "", changesTable(ctx, found.changes, false), lines(ctx, found.text),
      draft.mayEdit && second !== draft.form.version ? h("p", {}, h("button", {type: "button", onclick: () => restore({version: second}, `version ${second}`)}, `Restore version ${second}`)) : "",
      draft.mayEdit && first !== draft.form.version && first !== second ? h("p", {}, h("button", {type: "button", onclick: () => restore({version: first}, `version ${first}`)}, `Restore version ${first}`)) : "");
    result.scrollIntoView({block: "nearest"});
  }
  async function restore(target, name) {
    const values = {...target, etag: draft.form.etag};
    const would = await ctx.act("config_restore", values, {preview: true});
    if (would.error) return ctx.say(ctx.words(would.error), "bad");
    const body = h("div", {}, target.defaults ? h("p", {}, "How Terrace trades goes back to what it was shipped with. Accounts, routes, sources, addresses and stores stay.") : null, changesTable(ctx, would.done.changes), notesList(ctx, would.done.notes));
    if (!(await ctx.ask({title: `Restore ${name}?`, body, yes: "Restore", danger: true}))) return;
    draft.busy = true;
    const answer = await ctx.act("config_restore", values);
    draft.busy = false;
    if (answer.error) return ctx.say(ctx.words(answer.error), "bad");
    ctx.say(answer.done.said);
    await draft.load();
  }
  return () => { list.stop(); stop(); };
}
