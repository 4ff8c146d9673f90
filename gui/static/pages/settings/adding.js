// New accounts, sources, channels and overrides: a few fields make an entry that waits to be applied with the rest.
import {flow} from "./controls.js";
import {pathOf} from "./draft.js";

const MOULDS = {
  accounts: {
    what: "an account", fields: (key, draft) => [["name", "Name", {placeholder: "binance"}], ["exchange", "Exchange", {words: draft.byPath.get("accounts.*.exchange").allowed}], ["market", "Market", {words: ["spot", "swap"]}]],
    make: ({name, exchange, market}) => exchange === "paper" ? {exchange, market} : {exchange, market, api_key: `vault:${name}/api_key`, api_secret: `vault:${name}/api_secret`},
    hint: "Of a real exchange: its keys are looked for in the vault as NAME/api_key and NAME/api_secret; set them under Secrets first. A new account needs a restart, and a route that leads to it.",
  },
  sources: {what: "a source of alerts", fields: () => [["name", "Name", {placeholder: "bot"}]], make: ({name}) => ({secret: `file:secrets/${name}`}), hint: "Its webhook is /hook/NAME. Its secret is the file secrets/NAME in the data directory."},
  notifications: {
    what: "a channel", fields: () => [["name", "Name", {placeholder: "phone"}], ["url", "Reference to its apprise URL", {placeholder: "vault:telegram_url"}], ["severity", "Least severity", {words: ["info", "warning", "error", "critical"], value: "warning"}]],
    make: (given) => given, hint: "The URL itself is a secret: set it under Secrets and write vault:NAME here.",
  },
  "strategy.overrides": {
    what: "an override", fields: () => [["account", "Account", {}], ["symbol", "Symbol", {placeholder: "BTC/USDT"}], ["timeframe", "Timeframe", {placeholder: "4h"}], ["set", "Keys it sets, YAML on one line", {placeholder: "{tp_mode: aggregate, tp_percent: \"0.8\"}"}]],
    make: ({account, symbol, timeframe, set}) => `{match: ${flow(Object.fromEntries(Object.entries({account, symbol, timeframe}).filter(([, text]) => text)))}, set: ${set || "{}"}}`,
    kind: "RAW", hint: "What is left empty matches everything. Later overrides win over earlier ones.",
  },
};

export function adder(ctx, draft, key) {
  const {h} = ctx, mould = MOULDS[key.path], isMap = key.kind === "MAP";
  const waiting = h("ul.waiting", {}), box = h("div.adder", {}, waiting, h("button", {type: "button", onclick: open}, `Add ${mould.what}`));
  let count = 0;

  function open() {
    const inputs = mould.fields(key, draft).map(([name, title, {words, value, placeholder}]) => {
      const control = words ? h("select", {name}, words.map((word) => h("option", {value: word, selected: word === value}, word))) : h("input", {name, type: "text", placeholder, autocomplete: "off", spellcheck: "false"});
      return h("label", {}, title, control);
    });
    const fault = h("p.fault", {role: "alert", hidden: true});
    const dialog = h("dialog.settings-dialog", {"aria-labelledby": "settings-adding"}, h("form", {onsubmit: (event) => { event.preventDefault(); take(event.target); }},
      h("h2", {id: "settings-adding"}, `Add ${mould.what}`), inputs, h("p.help", {}, mould.hint), fault,
      h("div.buttons", {}, h("button", {type: "button", onclick: () => dialog.close()}, "Cancel"), h("button.main", {type: "submit"}, "Add to the changes"))));
    function take(form) {
      const given = Object.fromEntries([...new FormData(form)].map(([name, text]) => [name, text.trim()]));
      const taken = isMap ? Object.keys(draft.inForce(key.path.split(".")) || {}) : [];
      fault.hidden = !(isMap && (!given.name || taken.includes(given.name)));
      if (!fault.hidden) { fault.textContent = given.name ? `There is ${given.name} already.` : "Give it a name."; return; }
      put(given);
      dialog.close();
    }
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  }

  function put(given) {
    const value = mould.make(given), steps = key.path.split(".");
    if (isMap) return draft.set({path: pathOf([...steps, given.name]), key: pathOf([...steps, given.name]), steps: [...steps, given.name], kind: mould.kind || "TEXT", value, shown: ["", "new"], isNew: key.path});
    const inFile = draft.inFile(steps);
    const id = `${key.path}[]#${Date.now()}-${++count}`;
    const text = mould.kind === "RAW" ? value : flow(value);
    if (Array.isArray(inFile) && inFile.length) draft.set({key: id, path: `${key.path}[]`, steps, kind: "RAW", value: text, shown: ["", "new"], isNew: key.path});
    else draft.set({path: key.path, steps, kind: "RAW", value: `[${text}]`, shown: ["", "new"], isNew: key.path});
  }
  function list() {
    if (!box.isConnected && box.dataset.seen) return draft.onChange.delete(list);
    box.dataset.seen = box.isConnected ? "yes" : "";
    const mine = [...draft.edits].filter(([, edit]) => edit.isNew === key.path);
    waiting.replaceChildren(...mine.map(([id, edit]) => h("li", {}, h("strong", {}, "to be added: "), h("code", {}, `${edit.path} ${typeof edit.value === "string" ? edit.value : flow(edit.value)}`), " ",
      h("button", {type: "button", onclick: () => draft.drop(id)}, "Leave it out"), h("span.fault", {}, " ", draft.faultOf(edit.path)))));
  }
  draft.onChange.add(list);
  list();
  return box;
}
