// The vault by name. A value goes in and never comes out.
import {makeLines, makeTime} from "./diff.js";
import {zone} from "../../moments.js";

const KINDS = [["vault:NAME", "Terrace's own encrypted store, below", "the daemon"], ["file:PATH", "a file, relative to the data directory, that only Terrace may read", "daemon and forwarder"], ["env:NAME", "an environment variable", "daemon and forwarder"], ["systemd:NAME", "a credential of the systemd unit", "daemon and forwarder"], ["keyring:service/name", "the keyring of the machine", "daemon and forwarder"]];

export function secretsPane(pane, ctx) {
  const {h, table, press} = ctx;
  const explained = h("details", {}, h("summary", {}, "What a reference is"), h("p.help", {}, "The configuration holds no secret, only where it is kept. A source's secret cannot lie in the vault: the forwarder reads it while the daemon is away."),
    h("div.scroll", {tabindex: "0", role: "region", "aria-label": "References"}, h("table", {}, h("caption.visually-hidden", {}, "Kinds of references"), h("thead", {}, h("tr", {}, ["Reference", "Where it is kept", "Read by"].map((title) => h("th", {scope: "col"}, title)))),
      h("tbody", {}, KINDS.map(([reference, where, who]) => h("tr", {}, h("th", {scope: "row"}, h("code", {}, reference)), h("td", {}, where), h("td", {}, who)))))));
  pane.append(h("h2", {}, "Secrets"), h("p.help", {}, "A value that is stored is never shown again to anybody."), explained);
  if (!ctx.may("secret_set")) return void pane.append(h("p.settings-why", {}, `You are logged in as ${ctx.me.role.toLowerCase()}: names and masks of secrets are shown to the role admin.`));

  const name = h("input", {id: "secret-name", type: "text", autocomplete: "off", spellcheck: "false", required: true, placeholder: "binance/api_key", maxlength: 128});
  const value = h("input", {id: "secret-value", type: "password", autocomplete: "new-password", spellcheck: "false", required: true});
  const notes = h("ul.notes", {role: "status"});
  const set = h("button.main", {type: "submit"}, "Store it");
  const form = h("form.secret-form", {onsubmit: async (event) => {
    event.preventDefault();
    const given = value.value;
    value.value = ""; // It is in this page no longer than the press takes.
    const done = await press("secret_set", {name: name.value.trim(), value: given}, {button: set});
    notes.replaceChildren(...(done?.notes || []).map((note) => h("li", {}, note)));
    if (done) name.value = "";
  }}, h("label", {for: "secret-name"}, "Name"), name, h("label", {for: "secret-value"}, "Value"), value, set);
  pane.append(h("section", {}, h("h3", {}, "Store a secret, or a new value for one"), form, notes));
  const deleting = (_cell, _row, id, td) => td.replaceChildren(
    h("button", {type: "button", "aria-label": `New value for ${id}`, onclick: () => { name.value = id; value.focus(); }}, "New value"), " ",
    h("button.danger", {type: "button", "aria-label": `Delete ${id}`, onclick: () => press("secret_delete", {name: id}, {title: `Delete ${id}?`, yes: "Delete", danger: true, preview: true})}, "Delete"));
  pane.append(h("h3", {}, "Stored"));
  const list = table(pane, {topic: "settings_secrets", key: "settings_secrets", caption: "Stored secrets", empty: "Nothing is stored. Store an exchange's key above, then write vault:NAME in its account.", columns: [
    {key: "name", title: "Name"}, {key: "mask", title: "Mask"}, {key: "created", title: "First stored", make: makeTime}, {key: "changed", title: "Last changed", make: makeTime}, {key: "users", title: "Referred to by", make: makeLines(4)}, {key: "do", title: "Actions", make: deleting},
  ]});
  const rotate = h("button", {type: "button", onclick: () => press("secret_rotate", {}, {title: "Make a new master key?", yes: "Rotate", button: rotate})}, "Rotate the keys");
  pane.append(h("p.after-table", {}, rotate, h("span.help", {}, " A new master key; every secret is sealed anew under it. Nothing has to be typed in again.")), h("p.dim", {}, `Times in ${zone}.`));
  return () => list.stop();
}
