// One alert, opened: in one sentence, then everything that came of it, then the body as it arrived.
import {h, put, textOf} from "../../dom.js";
import {at, moment} from "../../moments.js";

const FACTS = [
  ["wants", "Wants"], ["pair", "Pair"], ["timeframe", "Timeframe"], ["price", "Price sent"], ["strategy", "Strategy"], ["source", "Source"], ["account", "Account"], ["world", "World"],
  ["pyramid", "Became pyramid"], ["first_outcome", "Outcome of the first"], ["sent", "Sent", true], ["received", "Received", true], ["decided", "Decided", true], ["key", "Key of copies"],
];
const MAY_NOT = "A viewer cannot do this: log in with an operator's token";

export function story(context, id, {onClose, go}) {
  const {act, ask, say, words, may, follow} = context;
  const title = h("h2", {tabindex: "-1", id: "story-title"}, "…"), outcome = h("span.badge"), summary = h("p.summary"), stale = h("p.notice", {hidden: true, role: "status", dataset: {tone: "warn"}});
  const links = h("p.row"), facts = h("dl.kv"), lines = h("ol.timeline"), more = h("p.dim", {hidden: true});
  const faults = h("section", {hidden: true}, h("h3", {}, "What was wrong with it"), h("dl.kv")), ways = h("section", {hidden: true}, h("h3", {}, "Outcomes it went through"), h("ol.timeline"));
  const body = h("pre", {tabindex: "0", "aria-label": "Body as it arrived, without its secret"}), copy = h("button.small", {type: "button", onclick: copied}, "Copy");
  const mayReplay = may("replay_as_new");
  const dry = h("button", {type: "button", disabled: !mayReplay, title: mayReplay ? "What the engine would do with it now; nothing is done" : MAY_NOT, onclick: dryRun}, "Dry run");
  const again = h("button", {type: "button", disabled: !mayReplay, title: mayReplay ? "Sends it once more, with a new identifier and time" : MAY_NOT, onclick: sendAgain}, "Send as new");
  const element = h("section.story", {"aria-labelledby": "story-title", dataset: {signal: id, live: ""}},
    h("header.row.spread", {}, h("div.row.grow", {}, title, outcome), h("div.row", {}, dry, again, h("button.close", {type: "button", "aria-label": "Close this story (Esc)", title: "Esc", onclick: onClose}, "×"))),
    stale, summary, links, h("div.story-body", {}, h("section", {}, h("h3", {}, "What happened"), lines, more), h("div", {}, faults, h("section", {}, h("h3", {}, "The alert"), facts), ways, h("section", {}, h("div.row.spread", {}, h("h3", {}, "Body as it arrived"), copy), body))));
  let told = "";
  const stop = follow(`story:${id}`, (topic) => show(topic));

  function show(topic) {
    stale.hidden = !topic.stale;
    if (topic.stale) stale.textContent = `${topic.stale.why}. ${topic.stale.remedy || ""}`;
    const now = topic.rows.get("");
    if (!now) return;
    const name = [textOf(now.pair), textOf(now.timeframe), textOf(now.wants)].filter((one) => one && one !== "–").join(" · ") || "Alert";
    put(title, name); put(outcome, now.outcome); put(summary, textOf(now.summary));
    const pairs = FACTS.filter(([key, , isTime]) => (isTime ? now[key]?.[2] : textOf(now[key]) && textOf(now[key]) !== "–"));
    facts.replaceChildren(...pairs.flatMap(([key, label, isTime]) => [h("dt", {}, label), h("dd", {}, isTime ? timed(now[key]) : textOf(now[key]))]), h("dt", {}, "Signal"), h("dd.mono", {}, id));
    linked(now);
    timeline(topic);
    listed(faults, "p", topic, (row) => [h("dt.mono", {}, textOf(row.path)), h("dd", {}, textOf(row.message), textOf(row.value) ? h("span.dim", {}, ` — sent: ${textOf(row.value)}`) : null)]);
    listed(ways, "o", topic, (row) => [h("li", {}, timed(row.time), " ", h("span.badge", {dataset: {tone: row.outcome[1] || ""}}, textOf(row.outcome)), " ", textOf(row.reason))], 2);
    more.hidden = !textOf(now.truncated); put(more, textOf(now.truncated));
    put(body, textOf(now.body) || "It was not kept.");
    copy.hidden = !textOf(now.body);
  }
  function timed(cell) { const time = moment("clock"); at(time, cell); return time; }
  function linked(now) {
    const wanted = [["group", "Group", (one) => `/positions#${one}`], ["duplicate_of", "The first of its copies", (one) => `#${one}`], ["replay_of", "Replay of", (one) => `#${one}`]].filter(([key]) => textOf(now[key]));
    const key = wanted.map(([name]) => textOf(now[name])).join();
    if (links.dataset.key === key) return;
    links.dataset.key = key;
    links.replaceChildren(...wanted.flatMap(([name, label, to]) => [h("span.dim", {}, `${label} `), h("a", {href: to(encodeURIComponent(textOf(now[name])))}, textOf(now[name]))]));
  }
  function timeline(topic) {
    const ids = topic.order.filter((row) => row.startsWith("e")), key = JSON.stringify(ids.map((row) => topic.rows.get(row)));
    if (key === told) return;
    told = key;
    lines.replaceChildren(...ids.map((row) => {
      const {time, kind, message, order} = topic.rows.get(row);
      return h("li", {}, timed(time), h("span.badge", {dataset: {tone: kind[1] || ""}}, textOf(kind)), h("span.grow", {}, textOf(message)), textOf(order) ? h("span.dim.mono", {}, textOf(order)) : null);
    }));
  }
  function listed(section, prefix, topic, draw, least = 1) {
    const ids = topic.order.filter((row) => row.startsWith(prefix));
    section.hidden = ids.length < least;
    section.lastChild.replaceChildren(...ids.flatMap((row) => draw(topic.rows.get(row))));
  }
  async function copied() {
    try { await navigator.clipboard.writeText(body.textContent); say("The body is copied."); }
    catch { getSelection().selectAllChildren(body); say("It is selected: copy it with Ctrl+C.", "info"); }
  }
  const would = (done) => h("div", {}, h("p", {}, done.said), done.problems?.length ? h("ul", {}, done.problems.map((one) => h("li", {}, one))) : null, done.decisions?.length ? h("ol", {}, done.decisions.map((one) => h("li", {}, one))) : null);
  async function dryRun() {
    const answer = await act("replay_dry", {signal: id});
    if (answer.error) return say(words(answer.error), "bad");
    await ask({title: "If it came now", body: would(answer.done), yes: "Close", isTold: true});
  }
  async function sendAgain() {
    const first = await act("replay_as_new", {signal: id}, {preview: true});
    if (first.error) return say(words(first.error), "bad");
    if (!(await ask({title: "Send this alert once more?", body: would(first.done), yes: "Send as new", danger: true}))) return;
    again.disabled = true;
    const answer = await act("replay_as_new", {signal: id});
    again.disabled = false;
    if (answer.error) return say(words(answer.error), "bad");
    say(answer.done.said);
    if (answer.done.signal) go(`#${answer.done.signal}`);
  }
  return {element, focus: () => title.focus({preventScroll: true}), end: () => { stop(); element.remove(); }};
}
