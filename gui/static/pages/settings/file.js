// The file as it is, as a download, and another one in its place.
import {changesTable, notesList} from "./diff.js";

const MAX_CHARS = 400000;

export function filePane(pane, ctx, draft) {
  const {h} = ctx;
  pane.append(h("h2", {}, "File, export, import"),
    h("p.help", {}, `Version ${draft.form.version} is in force. Secrets in it are references, never values. Comments and order stay when single keys are changed in the forms.`),
    h("p", {}, h("a.button", {href: "/x/settings/file", download: true}, "Export the file"), " ", h("a.button", {href: "/editor"}, draft.mayEdit ? "Edit as text" : "Read as text")),
    ...(draft.edits.size ? [h("section", {}, h("h3", {}, "Changes that are not applied"), changesTable(ctx, pendingRows(draft)))] : []),
    h("h3", {}, "The file in force"), numbered(h, draft.form.yaml));
  if (draft.mayEdit) pane.append(importer(ctx, draft));
}

const pendingRows = (draft) => [...draft.edits.values()].map((edit) => ({path: edit.path, old: edit.shown[0], new: edit.shown[1] === "new" ? JSON.stringify(edit.value) : edit.shown[1], effects: []}));

function numbered(h, text) {
  return h("pre.yaml", {tabindex: "0", role: "region", "aria-label": "The file in force"}, text.replace(/\n$/, "").split("\n").map((line) => {
    const at = line.search(/(^|\s)#/);
    return h("span.line", {}, at < 0 ? `${line}\n` : [line.slice(0, at), h("span.dim", {}, `${line.slice(at)}\n`)]);
  }));
}

function importer(ctx, draft) {
  const {h, act, ask, say, words} = ctx;
  const text = h("textarea.import", {id: "settings-import", rows: 8, spellcheck: "false"});
  const file = h("input", {type: "file", id: "settings-import-file", accept: ".yaml,.yml,text/yaml", onchange: async () => {
    const [one] = file.files;
    if (!one) return;
    if (one.size > MAX_CHARS) return say(`${one.name} has ${one.size} bytes, more than ${MAX_CHARS}. Copy it to the server and use: terrace config apply FILE`, "bad");
    text.value = await one.text();
    judge();
  }});
  const result = h("div", {role: "status"});
  const button = h("button", {type: "button", onclick: judge}, "Check it");
  async function judge() {
    if (!text.value.trim()) return result.replaceChildren(h("p.fault", {}, "Paste a configuration or choose a file first."));
    button.setAttribute("aria-busy", "true");
    const answer = await act("config_check", {yaml: text.value});
    button.removeAttribute("aria-busy");
    if (answer.error) return result.replaceChildren(h("p.fault", {}, words(answer.error)));
    const {valid, problems, changes, notes} = answer.done;
    if (!valid) return result.replaceChildren(h("p.fault", {}, `${problems.length} ${problems.length === 1 ? "fault" : "faults"}; nothing was changed`), h("ul.faults", {}, problems.map((one) => h("li", {}, h("code", {}, one.path), one.path ? ": " : "", one.message))));
    result.replaceChildren(changesTable(ctx, changes), notesList(ctx, notes) || "", changes.length ? h("p", {}, h("button.main", {type: "button", onclick: put}, `Put this text in force (${changes.length} ${changes.length === 1 ? "key changes" : "keys change"})`)) : "");
  }
  async function put() {
    const values = {yaml: text.value, etag: draft.form.etag};
    const would = await act("config_apply", values, {preview: true});
    if (would.error) return say(words(would.error), "bad");
    if (!(await ask({title: "Put this text in force?", body: h("div", {}, changesTable(ctx, would.done.changes), notesList(ctx, would.done.notes)), yes: "Put it in force", danger: true}))) return;
    draft.busy = true;
    const answer = await act("config_apply", values);
    draft.busy = false;
    if (answer.error) return say(words(answer.error), "bad");
    say(answer.done.said);
    await draft.load();
  }
  return h("section", {}, h("h3", {}, "Import"), h("p.help", {}, "The whole text takes the place of the file. It is checked first, and you see what it would change before it is applied."),
    h("div.import-tools", {}, h("label", {for: "settings-import-file"}, "From a file"), file), h("label", {for: "settings-import"}, "Or as text"), text, h("p", {}, button), result);
}
