// Settings: a side list of sections and tools, one pane, and the bar of what is not applied yet.
import {mark} from "../dom.js";
import {Draft} from "./settings/draft.js";
import {sectionPane, searchPane} from "./settings/form.js";
import {pendingBar} from "./settings/pending.js";
import {filePane} from "./settings/file.js";
import {versionsPane} from "./settings/versions.js";
import {secretsPane} from "./settings/secrets.js";
import {backupsPane} from "./settings/backups.js";
import {accountsPane} from "./settings/accounts.js";
import {messagesPane} from "./settings/messages.js";
import {browserPane} from "./settings/browser.js";

const RETRY_MS = 3000;
const TOOLS = [
  ["+file", "File, export, import", filePane], ["+versions", "Versions", versionsPane], ["+secrets", "Secrets", secretsPane], ["+backups", "Backups", backupsPane],
  ["+accounts", "Accounts and precision", accountsPane], ["+messages", "Notifications", messagesPane], ["+browser", "This browser", browserPane],
];

export async function mount(root, ctx) {
  const {h} = ctx;
  const draft = new Draft(ctx);
  const search = h("input", {type: "search", placeholder: "Search keys and help", "aria-label": "Search settings", autocomplete: "off"});
  const jump = h("select.settings-jump", {"aria-label": "Section", onchange: () => { location.hash = jump.value; }});
  const side = h("nav.settings-side", {"aria-label": "Settings"});
  const notice = h("div.settings-notice", {role: "status"});
  const pane = h("div.settings-pane", {tabindex: "-1"});
  const bar = pendingBar(ctx, draft, goTo);
  root.append(h("div.settings", {}, h("div.settings-left", {}, search, jump, side), h("div.settings-right", {}, notice, pane, bar)));
  while (!(await draft.load())) {
    pane.replaceChildren(h("p.notice", {role: "alert", dataset: {tone: "bad"}}, draft.trouble));
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS)); // The engine may be starting.
  }

  let leave = () => {};
  const here = () => mark() || draft.form.sections.find((one) => one.key === "pool")?.key;
  function links() {
    const link = (key, title) => h("a", {href: `#${key}`, "aria-current": here() === key && !search.value ? "true" : null}, title, draft.countIn(key) ? h("span.count", {title: "not applied yet"}, String(draft.countIn(key))) : null);
        const choice = ([key, title]) => h("option", {value: key, selected: here() === key}, draft.countIn(key) ? `${title} (${draft.countIn(key)})` : title);
    jump.replaceChildren(h("optgroup", {label: "Configuration"}, draft.form.sections.map((one) => choice([one.key, one.title]))), h("optgroup", {label: "Tools"}, TOOLS.map(choice)));
    side.replaceChildren(
      h("h2", {}, "Configuration"), h("ul", {}, draft.form.sections.map((one) => h("li", {}, link(one.key, one.title)))),
      h("h2", {}, "Tools"), h("ul", {}, TOOLS.map(([key, title]) => h("li", {}, link(key, title)))),
    );
  }
  function show() {
    leave();
    pane.replaceChildren();
    links();
    const key = here();
    const tool = TOOLS.find(([name]) => name === key);
    const drawn = search.value.trim() ? searchPane(pane, ctx, draft, search.value) : tool ? tool[2](pane, ctx, draft) : sectionPane(pane, ctx, draft, key);
    leave = typeof drawn === "function" ? drawn : () => {};
  }
  /** Opens the section of a key and puts the focus on its field. */
  function goTo(path) {
    search.value = "";
    const section = draft.sectionOf(path);
    if (here() !== section) { history.replaceState(null, "", `#${section}`); show(); }
    focusOn(path)?.scrollIntoView({block: "center"});
  }
  function focusOn(path) {
    const field = [...pane.querySelectorAll("[data-path]")].filter((one) => path.startsWith(one.dataset.path)).pop();
    field?.closest("details")?.setAttribute("open", "");
    field?.querySelector("input, select, textarea")?.focus({preventScroll: true});
    return field;
  }
  addEventListener("hashchange", () => { search.value = ""; show(); pane.focus({preventScroll: true}); scrollTo(0, 0); });
  search.addEventListener("input", show);
  draft.onLoad.add(() => {
    if (here().startsWith("+") && here() !== "+file" && !search.value) return links(); // These read what they need themselves.
    const path = document.activeElement?.closest?.("[data-path]")?.dataset.path;
    show();
    if (path) focusOn(path);
  });
  draft.onChange.add(links);
  show();
  watchVersions(ctx, draft, notice);
  if (ctx.may("secret_set")) suggestSecrets(ctx, root);
}

/** Names in the vault, offered where a key wants a reference. */
function suggestSecrets({h, follow}, root) {
  const names = h("datalist", {id: "settings-vault"});
  root.append(names);
  follow("settings_secrets", (topic) => names.replaceChildren(...topic.order.map((name) => h("option", {value: `vault:${name}`}))));
}

/** Says at once when somebody else has changed the configuration; without changes of one's own it is just taken over. */
function watchVersions({h, follow}, draft, notice) {
  follow("settings_versions", (topic) => {
    draft.versions = topic;
    if (!topic.stale && draft.judged.isUnknown) draft.check(); // The engine is back.
    const newest = [...topic.rows].find(([, row]) => row.current)?.[0];
    if (!newest || newest === draft.form.version || draft.busy) return notice.replaceChildren();
    if (!draft.edits.size) return void draft.load();
    notice.replaceChildren(h("p", {dataset: {tone: "warn"}}, `${draft.newerSaid()} Your changes are still here and are not applied. `,
      h("button", {type: "button", onclick: () => draft.load()}, "Take it over and keep mine on top")));
  });
}
