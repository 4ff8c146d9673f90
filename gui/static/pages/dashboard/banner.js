// What the engine does now, everything that holds it back with its remedy, and the buttons that steer it.
import {h, put, textOf, toneOf} from "../../dom.js";
import {link, staleOf} from "../../live.js";
import {at, moment, sync} from "../../moments.js";

const SAYS = {
  running: "New entries are taken; exits, targets and stops work.",
  limited: "A limit was breached. Exits, targets and stops work.",
  paused: "New entries wait in the queue. Exits, targets and stops work.",
  recovering: "Store and exchanges are being compared. Alerts are taken and wait until that is done.",
  degraded: "Something is broken; what that means stands below.",
};
const WHY = "A viewer cannot do this: log in with an operator's token";

export function banner(root, ctx) {
  const {follow, may} = ctx;
  const word = h("strong.word"), says = h("span.says"), reason = h("p.reason", {hidden: true}), limit = h("p.reason", {hidden: true}), extra = h("span.row.badges");
  const started = moment("age"), up = h("span.dim.nowrap", {}, "up ", started);
  const lift = button("Lift the limit", "lift_limit", () => steer(ctx, lift, "lift_limit"));
  const pause = button("Pause entries", "pause", () => steer(ctx, pause, "pause"));
  const resume = button("Resume entries", "resume", () => steer(ctx, resume, "resume"));
  const troubles = h("ul.troubles", {"aria-label": "What is broken or held back"}), shown = new Map();
  const buttons = h("div.row", {}, up, lift, resume, pause);
  const box = h("div.notice.engine", {}, h("div.row.spread", {}, h("div.grow", {}, h("div.row", {}, word, says, extra), reason, limit), buttons), troubles);
  root.append(box);

  function button(title, verb, onclick) {
    return h("button", {type: "button", disabled: !may(verb), title: may(verb) ? null : WHY, onclick, hidden: true}, title);
  }
  function trouble(id) {
    const since = moment("since", ""), parts = {code: h("span.badge"), subject: h("b"), message: h("span.grow"), when: h("span.dim.nowrap", {}, since), remedy: h("p.remedy")};
    const account = id.startsWith("degraded:ACCOUNT_PAUSED:") ? id.split(":").slice(2).join(":") : "";
    const again = account ? button("Resume its entries", "resume", () => steer(ctx, again, "resume", {account})) : null;
    if (again) { again.hidden = false; again.classList.add("small"); again.setAttribute("aria-label", `Resume the entries of ${account}`); }
    const found = {element: h("li", {}, h("div.row", {}, parts.code, parts.subject, parts.message, parts.when, again), parts.remedy), parts, since};
    shown.set(id, found);
    return found;
  }
  let last = null, isAway = false;
  link.listeners.add(() => { if (last && isAway !== !!staleOf(last)) show(last); });
  follow("state", (topic) => { sync(topic.at || Date.now()); show(topic); });

  function show(topic) {
    last = topic;
    const stale = staleOf(topic);
    isAway = !!stale;
    const now = topic.rows.get("") || {};
    const state = textOf(now.state), ids = topic.order.filter((id) => id.startsWith("degraded:") && topic.rows.has(id));
    put(word, stale ? "Engine not heard" : state ? `Engine ${state}` : "Asking the engine …");
    word.dataset.tone = stale ? "warn" : toneOf(now.state);
    box.dataset.tone = stale ? "warn" : state === "running" && !ids.length ? "" : ids.length && toneOf(now.state) === "good" ? "warn" : toneOf(now.state);
    put(says, stale ? `${state ? `It was ${state}. ` : ""}Not known now: ${stale.why}. ${stale.remedy || ""}` : (state === "limited" && textOf(now.limit) ? `Because of a breached limit: ${textOf(now.limit)}. Exits, targets and stops work.` : SAYS[state]) || "");
    const why = textOf(now.state_reason);
    const isSaid = ids.some((id) => textOf(topic.rows.get(id).message).includes(why));
    line(reason, why && state !== "limited" && !isSaid ? why : "");
    const isBelow = ids.some((id) => id.startsWith("degraded:LIMIT_BREACHED"));
    line(limit, textOf(now.limit) && !isBelow ? `Limit: ${textOf(now.limit)}. ${textOf(now.limit_reason)}. Lifts: ${textOf(now.limit_lift)}`.replace(/\.\./g, ".") : "");
    extra.replaceChildren(...[[now.read_only, "No trading command is taken"], [now.leads, textOf(now.leader) ? `Leader: ${textOf(now.leader)}, lead ${textOf(now.leader_epoch)}` : ""]]
      .filter(([cell]) => textOf(cell)).map(([cell, title]) => h("span.badge", {title, dataset: {tone: toneOf(cell)}}, textOf(cell))));
    at(started, now.start_time);
    const engine = textOf(now.engine);
    const isPaused = engine === "paused" || ids.some((id) => id.startsWith("degraded:ENGINE_PAUSED"));
    pause.hidden = !engine || isPaused; resume.hidden = !isPaused; lift.hidden = !textOf(now.limit);
    for (const [id, row] of shown) if (!ids.includes(id)) { row.element.remove(); shown.delete(id); }
    ids.forEach((id, index) => {
      const cells = topic.rows.get(id), {element, parts, since} = shown.get(id) || trouble(id);
      put(parts.code, cells.code); put(parts.subject, cells.subject); put(parts.message, cells.message); words(parts.remedy, textOf(cells.remedy) && id.startsWith("degraded:LIMIT_BREACHED") ? `Lifted by ${textOf(cells.remedy)}` : textOf(cells.remedy));
      parts.subject.hidden = !textOf(cells.subject); parts.remedy.hidden = !textOf(cells.remedy);
      at(since, cells.since); parts.when.hidden = !(cells.since || [])[2];
      if (troubles.children[index] !== element) troubles.insertBefore(element, troubles.children[index] || null);
    });
    troubles.hidden = !ids.length;
  }
  function line(element, words) { element.hidden = !words; put(element, words); }
  return buttons;
}

/** What stands between backticks is something to type. */
function words(element, text) {
  if (element.dataset.words === text) return;
  element.dataset.words = text;
  element.replaceChildren(...text.split("`").map((part, index) => index % 2 ? h("code", {}, part) : part));
}

const QUESTIONS = {
  pause: {title: "Pause new entries?", yes: "Pause", reason: true, cancels: true},
  resume: {title: "Resume new entries?", yes: "Resume"},
  lift_limit: {title: "Lift the limit?", yes: "Lift it", danger: true, reason: true},
};

/** Asks the engine what it would do, then the person, then does it. */
async function steer({act, ask, say, words: wordsOf}, button, verb, values = {}) {
  const {title, yes, danger, reason, cancels} = QUESTIONS[verb];
  const would = await act(verb, values, {preview: true});
  if (would.error) return say(wordsOf(would.error), "bad");
  const said = h("p", {}, would.done.said);
  const box = h("input", {type: "checkbox"}), why = h("input", {type: "text", maxlength: "200", autocomplete: "off"});
  box.addEventListener("change", async () => {
    const other = await act(verb, {cancel_entries: box.checked}, {preview: true});
    if (other.done) said.textContent = other.done.said;
  });
  const body = h("div.form", {}, said, cancels ? h("label", {}, box, " Cancel open entry orders too") : null,
    reason ? h("label.field", {}, h("span", {}, "Why, for the record (optional)"), why) : null);
  if (!(await ask({title, body, yes, danger}))) return;
  button.disabled = true; button.setAttribute("aria-busy", "true");
  const answer = await act(verb, {...values, cancel_entries: box.checked, reason: why.value});
  button.disabled = false; button.removeAttribute("aria-busy");
  if (answer.error) say(wordsOf(answer.error), "bad"); else say(answer.done.said);
}
