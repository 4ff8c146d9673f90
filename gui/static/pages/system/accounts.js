// One card per account: how it reaches its exchange, and what of its request budget is used.
import {h, put, textOf} from "../../dom.js";
import {at, moment} from "../../moments.js";

const FACTS = [
  ["equity", "Equity"], ["groups", "Live groups"], ["open_orders", "Open orders"], ["unknown", "Unknown orders", "Orders whose fate has been unknown for too long"],
  ["waiting", "Requests waiting"], ["clock", "Clock offset", "The exchange's clock less ours; requests are corrected by it"], ["circuit", "Circuit", "Closed: everything leaves. Open: the exchange keeps failing and nothing leaves"],
  ["withdraw", "API key"], ["drift", "Differences"],
];
const TIMES = [["retry", "Next try", "until"], ["ban", "Banned until", "until"], ["reconciled", "Compared", "ago"], ["instruments", "Instruments", "ago"]];

export function accounts(root, ctx) {
  const cards = h("div.cards.accounts"), none = h("p.empty", {hidden: true}, "No account is configured for this world. Add one in Settings.");
  root.append(h("section", {"aria-labelledby": "accounts-title"}, h("h2", {id: "accounts-title"}, "Accounts"), cards, none));
  const shown = new Map();
  ctx.follow("accounts", (topic) => {
    if (!topic.version) return;
    const ids = topic.order.filter((id) => topic.rows.get(id)?.kind === "account");
    for (const [id, card] of shown) if (!ids.includes(id)) { card.element.remove(); shown.delete(id); }
    for (const id of ids) {
      if (!shown.has(id)) { const card = make(id, ctx); shown.set(id, card); cards.append(card.element); }
      shown.get(id).fill(topic.rows.get(id), details(topic, id, "stream"), details(topic, id, "window"));
    }
    none.hidden = !!ids.length;
    cards.classList.toggle("stale", !!topic.stale);
  });
}

const details = (topic, account, kind) => topic.order.map((id) => topic.rows.get(id)).filter((row) => row?.kind === kind && row.account === account);

function make(name, ctx) {
  const state = h("span.badge.dot"), what = h("span.dim"), reason = h("p", {hidden: true}), cells = {}, times = {};
  const streams = h("ul.streams", {"aria-label": `Streams of ${name}`}), windows = h("div.windows"), checked = h("div", {hidden: true});
  const check = h("button", {type: "button", disabled: !ctx.may("check_account"), title: ctx.may("check_account") ? "Reachability, clock, key, permissions, instruments" : "A viewer cannot check: log in as operator", onclick: () => tried(ctx, name, check, checked)}, "Check now");
  const facts = h("dl.kv.two", {}, FACTS.map(([key, title, hint]) => h("div", {title: hint}, h("dt", {}, title), (cells[key] = h("dd")))), TIMES.map(([key, title, form]) => h("div", {}, h("dt", {}, title), h("dd", {}, (times[key] = moment(form))))));
  const noStreams = h("p.dim", {}, "No stream yet: there has been nothing to listen to."), noWindows = h("p.dim", {}, "Nothing is counted here.");
  const element = h("section.card", {dataset: {live: "", account: name}, "aria-label": `Account ${name}`}, h("div.row.spread", {}, h("div.row", {}, h("strong", {}, name), what, state), check), reason, facts,
    h("h3", {}, "Streams"), streams, noStreams, h("h3", {}, "Request budget"), windows, noWindows, checked);
  function fill(row, up, budget) {
    put(state, row.state); put(what, `${textOf(row.exchange)} · ${textOf(row.world)}`);
    put(reason, row.reason); reason.hidden = !textOf(row.reason);
    for (const [key] of FACTS) put(cells[key], row[key]);
    for (const [key] of TIMES) { at(times[key], row[key]); times[key].closest("div").hidden = !row[key]?.[2] && (key === "retry" || key === "ban"); }
    noStreams.hidden = !!up.length; noWindows.hidden = !!budget.length;
    rows(streams, up, () => h("li", {}, h("span.badge.dot"), h("span.name"), moment("since", ""), h("span.dim")), (line, one) => { put(line.children[0], one.state); put(line.children[1], one.name); at(line.children[2], one.since); put(line.children[3], one.message); });
    rows(windows, budget, () => h("div.window", {}, h("span.name"), h("span.meter", {}, h("span")), h("span.num")), (line, one) => {
      put(line.children[0], one.name); put(line.children[2], one.used);
      line.children[1].firstChild.style.width = `${textOf(one.percent) || 0}%`;
      line.children[1].dataset.tone = Array.isArray(one.percent) ? one.percent[1] : "";
    });
  }
  return {element, fill};
}

function rows(parent, all, make, fill) {
  while (parent.children.length > all.length) parent.lastChild.remove();
  all.forEach((one, index) => { if (!parent.children[index]) parent.append(make()); fill(parent.children[index], one); });
}

async function tried(ctx, account, button, box) {
  button.disabled = true; button.setAttribute("aria-busy", "true");
  const answer = await ctx.act("check_account", {account});
  button.disabled = false; button.removeAttribute("aria-busy");
  if (answer.error) return ctx.say(ctx.words(answer.error), "bad");
  ctx.say(answer.done.said, answer.done.passed ? "good" : "bad");
  box.hidden = false;
  box.replaceChildren(h("h3", {}, `Check at ${new Date().toLocaleTimeString("en-GB")}`), h("ul.streams", {}, answer.done.checks.map((one) => h("li", {}, h("span.badge.dot", {dataset: {tone: one.passed ? "good" : "bad"}}, one.passed ? "passed" : "failed"), h("span.name", {}, one.name), h("span.dim", {}, one.message)))));
}
