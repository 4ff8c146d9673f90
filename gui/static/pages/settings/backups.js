// Copies of everything in one file each: made now, listed; put back by a command while no daemon runs.
import {makeTime} from "./diff.js";
import {zone} from "../../moments.js";

export function backupsPane(pane, ctx, draft) {
  const {h, table, press} = ctx;
  const folder = draft.inForce(["backup", "directory"]) || "backups", home = draft.inForce(["data_dir"]), place = /^([/~]|[A-Za-z]:)/.test(folder) || !home ? folder : `${home}/${folder}`, every = draft.inForce(["backup", "every_hours"]), keep = draft.inForce(["backup", "keep"]);
  pane.append(h("h2", {}, "Backups"), h("p.help", {}, `Store, paper books, configuration, tokens and vault in one file, on the daemon's machine in the folder ${place}. ${every === "0" ? "None is made by itself" : `One is made every ${every} h`}, the last ${keep} are kept.`));
  if (!ctx.may("backup_make")) return void pane.append(h("p.settings-why", {}, `You are logged in as ${ctx.me.role.toLowerCase()}: backups are made and listed by the role admin.`));

  const sealed = h("input", {id: "backup-sealed", type: "checkbox"}), phrase = h("input", {id: "backup-phrase", type: "password", autocomplete: "new-password", placeholder: "empty: the key of the vault"}), again = h("input", {id: "backup-again", type: "password", autocomplete: "new-password"});
  const secret = h("span.phrases", {hidden: true}, h("label", {for: "backup-phrase"}, "Passphrase"), phrase, h("label", {for: "backup-again"}, "Again"), again);
  sealed.addEventListener("change", () => { secret.hidden = !sealed.checked; });
  const make = h("button.main", {type: "submit"}, "Back up now");
  pane.append(h("form.backup-form", {onsubmit: async (event) => {
    event.preventDefault();
    if (sealed.checked && phrase.value !== again.value) return ctx.say("The two passphrases differ. Nothing was done.", "bad");
    const passphrase = sealed.checked ? phrase.value : "";
    phrase.value = again.value = "";
    await press("backup_make", {encrypt: sealed.checked, passphrase}, {button: make});
  }}, make, h("label", {}, sealed, " encrypted"), secret));
  const command = h("div.command", {role: "status"});
  const how = (_cell, _row, id, td) => td.replaceChildren(h("button", {type: "button", "aria-label": `How to restore ${id}`, onclick: () => command.replaceChildren(h("h3", {}, `Restore ${id}`),
    h("p", {}, "A backup is put into a folder that is new, on the daemon's machine, with no daemon running on the same accounts. Paths are relative to the folder of config.yaml. Check it, look what would be done, do it, then start a daemon on the new folder; new entries stay paused until you resume."),
    h("pre.yaml", {tabindex: "0", role: "region", "aria-label": "Commands"}, `terrace backup verify ${place}/${id}\nterrace backup restore ${place}/${id} --into NEW_FOLDER --dry-run\nterrace backup restore ${place}/${id} --into NEW_FOLDER\n`))}, "How to restore"));
  const list = table(pane, {topic: "settings_backups", key: "settings_backups", caption: "Backups", empty: "There is no backup yet. Make one with the button above.", columns: [
    {key: "time", title: "Taken", make: makeTime}, {key: "name", title: "File"}, {key: "size", title: "Size", num: true}, {key: "encrypted", title: "Encrypted"}, {key: "version", title: "Terrace"}, {key: "schema", title: "Schema"}, {key: "do", title: "Actions", make: how},
  ]});
  pane.append(command, h("p.dim", {}, `Times in ${zone}.`));
  return () => list.stop();
}
