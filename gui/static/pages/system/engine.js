// The daemon itself: versions, leadership, parts, store; what an administrator looks at on demand.
import {h, put, textOf, toneOf} from "../../dom.js";
import {at, moment, sync} from "../../moments.js";

const ADMIN = "Only an administrator can: log in with an admin's token";

export function engine(root, ctx) {
  daemon(root, ctx);
  store(root, ctx);
  inside(root, ctx);
}

function daemon(root, {follow, may, press, ask, act, say, words}) {
  const state = h("span.badge.dot"), cells = {}, started = moment("age"), since = moment("ago"), parts = h("ul.streams");
  const value = (key) => (cells[key] = h("span"));
  const pair = (title, ...body) => [h("dt", {}, title), h("dd", {}, ...body)];
  const leads = pair("Leads", value("leads"), " ", value("leader"), " ", since);
  root.append(h("section.card", {dataset: {live: ""}, "aria-labelledby": "daemon-title"}, h("div.row.spread", {}, h("h2", {id: "daemon-title"}, "Daemon"), state),
    h("dl.kv", {}, pair("Terrace", value("version")), pair("Up for", started), pair("Configuration", value("config")), pair("Events", value("last_sequence")), leads, pair("Held back or broken", value("degradations")), pair("Dead letters", value("dead_letters"))), parts,
    h("p", {}, h("a", {href: "/logs"}, "Logs"))));
  follow("state", (topic) => {
    const now = topic.rows.get("");
    if (!now) return;
    sync(topic.at || Date.now());
    put(state, topic.stale ? ["does not answer", "bad"] : now.state);
    for (const key of ["version", "last_sequence", "leads"]) put(cells[key], now[key]);
    put(cells.config, `version ${textOf(now.config_version)}`);
    put(cells.leader, textOf(now.leader) && `(${textOf(now.leader)}, lead ${textOf(now.leader_epoch)})`);
    leads.forEach((element) => { element.hidden = !textOf(now.leads); });
    put(cells.degradations, [textOf(now.degradations) === "0" ? "nothing" : textOf(now.degradations), textOf(now.degradations) === "0" ? "good" : "warn"]);
    put(cells.dead_letters, [textOf(now.dead_letters), textOf(now.dead_letters) === "0" ? "" : "warn"]);
    at(started, now.start_time); at(since, now.leader_since);
    const ids = topic.order.filter((id) => topic.rows.has(id) && id.startsWith("degraded:"));
    if (ids.join() !== parts.dataset.ids) { parts.dataset.ids = ids.join(); parts.replaceChildren(...ids.map((id) => line(topic.rows.get(id)))); }
  });
  function line(row) {
    const isPart = ["part down", "part restarting"].includes(textOf(row.code)), name = textOf(row.subject);
    const button = isPart ? h("button.small", {type: "button", disabled: !may("restart_part"), title: may("restart_part") ? null : ADMIN, onclick: () => press("restart_part", {part: name}, {title: `Start ${name} again?`, yes: "Start it", preview: true, button})}, "Start again") : null;
    return h("li", {}, h("span.badge", {dataset: {tone: toneOf(row.code)}}, textOf(row.code)), h("span.name", {}, name), h("span", {}, textOf(row.message)), button);
  }
}

function store(root, ctx) {
  const status = h("span.badge", {dataset: {tone: "dim"}}, "not looked at"), facts = h("dl.kv"), problems = h("ul"), trail = h("p.dim", {hidden: true});
  const may = ctx.may("check_store"), title = may ? null : ADMIN;
  const quick = h("button", {type: "button", disabled: !may, title, onclick: () => look(quick, false)}, "Check");
  const full = h("button", {type: "button", disabled: !may, title: may ? "Every page and reference; takes longer" : ADMIN, onclick: () => look(full, true)}, "Check all of it");
  const audit = h("button", {type: "button", disabled: !ctx.may("verify_audit"), onclick: verify}, "Verify the audit trail");
  root.append(h("section.card", {"aria-labelledby": "store-title"}, h("div.row.spread", {}, h("h2", {id: "store-title"}, "Store and audit trail"), status), facts, problems, trail, h("div.row", {}, quick, full, audit), may ? null : h("p.dim", {}, "Checking the store needs an admin's token.")));
  if (may) look(quick, false, true);
  async function look(button, isFull, isQuiet) {
    const found = await run(ctx, button, "check_store", {full: isFull}, isQuiet);
    if (!found) return;
    put(status, found.valid ? [isFull ? "well, all of it" : "well", "good"] : ["has problems", "bad"]);
    fill(facts, found.facts);
    problems.replaceChildren(...found.problems.map((one) => h("li.bad", {}, one)));
  }
  async function verify() {
    const found = await run(ctx, audit, "verify_audit", {});
    if (found) { trail.hidden = false; put(trail, [found.said, found.valid ? "good" : "bad"]); }
  }
}

function inside(root, ctx) {
  const facts = h("dl.kv"), lists = h("div.row.lists"), places = h("div.scroll", {hidden: true, tabindex: "0", role: "region", "aria-label": "Memory profile"}), may = ctx.may("look_inside"), title = may ? null : ADMIN;
  const look = h("button", {type: "button", disabled: !may, title, onclick: show}, "Actors and mailboxes");
  const memory = h("button", {type: "button", disabled: !may, title, onclick: profile}, "Memory profile");
  const save = h("button", {type: "button", disabled: !may, title: may ? "Everything that helps somebody help you, as one JSON file, without secrets" : ADMIN, onclick: () => download(ctx, save)}, "Download diagnostics");
  const part = h("input", {type: "text", autocomplete: "off", "aria-label": "Part or actor", placeholder: "Part or actor", disabled: !ctx.may("restart_part")});
  const restart = h("button", {type: "button", disabled: !ctx.may("restart_part"), title: ctx.may("restart_part") ? null : ADMIN, onclick: () => part.value && ctx.press("restart_part", {part: part.value.trim()}, {title: `Start ${part.value.trim()} again?`, yes: "Start it", preview: true, button: restart})}, "Start again");
  root.append(h("section.card", {"aria-labelledby": "inside-title"}, h("h2", {id: "inside-title"}, "Inside"), h("div.row", {}, look, memory, save), facts, lists, places, h("div.row", {}, part, restart),
    may ? null : h("p.dim", {}, "Looking inside needs an admin's token.")));
  async function show() {
    const found = await run(ctx, look, "look_inside", {}, true);
    if (!found) return;
    fill(facts, found.facts);
    lists.replaceChildren(list("Actors by kind", found.kinds), list("Fullest mailboxes", found.mailboxes, "Every mailbox is empty."), list("Parts that do not run", found.down.map((one) => [one.key, `${one.state} ${one.error}`]), "All parts run."));
  }
  async function profile() {
    const found = await run(ctx, memory, "profile_memory", {});
    if (!found) return;
    places.hidden = false;
    places.replaceChildren(h("table.full", {}, h("caption.visually-hidden", {}, "What holds memory"), h("thead", {}, h("tr", {}, h("th", {scope: "col"}, "Place"), h("th.num", {scope: "col"}, "Size"), h("th.num", {scope: "col"}, "Objects"))),
      h("tbody", {}, found.places.map(([place, size, count]) => h("tr", {}, h("td.mono", {}, place), h("td.num", {}, size), h("td.num", {}, count))))));
  }
}

const list = (title, rows, none = "–") => h("div", {}, h("h3", {}, title), rows.length ? h("dl.kv", {}, rows.flatMap(([name, value]) => [h("dt", {}, name), h("dd.num", {}, value)])) : h("p.dim", {}, none));
function fill(facts, rows) { facts.replaceChildren(...rows.flatMap(([name, value]) => { const dd = h("dd"); put(dd, value); return [h("dt", {}, name), dd]; })); }

async function run(ctx, button, verb, values, isQuiet = false) {
  button.disabled = true; button.setAttribute("aria-busy", "true");
  const answer = await ctx.act(verb, values);
  button.disabled = false; button.removeAttribute("aria-busy");
  if (answer.error) { ctx.say(ctx.words(answer.error), "bad"); return null; }
  if (!isQuiet) ctx.say(answer.done.said, answer.done.valid === false ? "bad" : "good");
  return answer.done;
}

async function download(ctx, button) {
  button.disabled = true;
  try {
    const answer = await ctx.post("/x/system/diagnostics", {});
    if (!answer.ok) return ctx.say(ctx.words((await answer.json()).error), "bad");
    const name = /filename="([^"]+)"/.exec(answer.headers.get("content-disposition") || "")?.[1] || "terrace-diagnostics.json";
    const link = h("a", {href: URL.createObjectURL(await answer.blob()), download: name});
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    ctx.say(`Saved as ${name}`);
  } catch { ctx.say("The panel cannot be reached. Try again when it is back.", "bad"); } finally { button.disabled = false; }
}
