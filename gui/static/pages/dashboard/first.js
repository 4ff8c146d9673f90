// First steps: the webhook, the message for TradingView, a test alert. Open while no alert has ever come.
import {h, put} from "../../dom.js";

const KINDS = [["strategy", "Strategy", "One alert of a strategy: entries, exits and reverses."], ["entry", "Entry", "An indicator's alert that opens a group or adds a pyramid."], ["exit", "Exit", "An indicator's alert that closes the group."]];

export function firstSteps(root, ctx, place) {
  let wanted = false, loaded = false, isPaper = false;
  const body = h("div"), again = h("button", {type: "button", "aria-expanded": "false", "aria-controls": root.id, onclick: () => { wanted = !wanted; show(); }}, "Connect TradingView");
  place.append(again);
  root.append(h("h2", {id: "first-title"}, "Connect TradingView"), body);
  ctx.follow("state", (topic) => {
    const now = topic.rows.get("");
    if (!now) return;
    const isNew = !now.last_signal?.[2];
    if (isNew && !loaded) wanted = true;
    isPaper = now.world === "paper";
    show();
  });
  async function show() {
    root.hidden = !wanted; again.setAttribute("aria-expanded", String(wanted));
    if (!wanted || loaded) return;
    loaded = true;
    try {
      const answer = await fetch("/x/dashboard/first", {credentials: "same-origin"});
      const found = await answer.json();
      if (found.error) throw found.error;
      draw(body, ctx, found, isPaper);
    } catch (error) {
      loaded = false; wanted = false;
      body.replaceChildren(h("p.bad", {role: "alert"}, [error.message, error.remedy].filter(Boolean).join(". ")));
    }
  }
}

function draw(body, ctx, found, isPaper) {
  const state = {source: found.sources[0], kind: "strategy"};
  const url = h("code.grow"), text = h("code"), about = h("p.dim"), rule = h("p.warn", {hidden: true}), secretWords = h("p.dim");
  const pick = h("select", {"aria-label": "Source", hidden: found.sources.length < 2, onchange: () => { state.source = found.sources[pick.selectedIndex]; fill(); }}, found.sources.map((one) => h("option", {}, one.name)));
  const kinds = KINDS.map(([kind, title]) => h("button", {type: "button", dataset: {kind}, onclick: () => { state.kind = kind; fill(); }}, title));
  const copySecret = h("button", {type: "button", hidden: !found.may_have_secret, title: "The message with its secret goes to the clipboard, not onto the screen", onclick: () => withSecret(ctx, state)}, "Copy with the secret");
  const trial = isPaper ? h("div.row", {}, tryButton(ctx, "entry", "Send a test entry"), tryButton(ctx, "exit", "Send a test exit")) : h("p.dim", {}, "Test alerts go to a paper account only; this world trades on an exchange.");
  body.replaceChildren(h("ol.steps", {},
    h("li", {}, h("h3", {}, "Webhook URL"), h("div.row", {}, pick, url, h("button", {type: "button", onclick: () => copy(ctx, state.source.url, "The address is copied.")}, "Copy")),
      found.place ? h("p.dim", {}, found.place) : null),
    h("li", {}, h("h3", {}, "Message of the alert"), h("div.row.spread", {}, h("div.segments", {role: "group", "aria-label": "Kind of alert"}, kinds), h("div.row", {}, h("button", {type: "button", onclick: () => copy(ctx, state.source.messages[state.kind], "The message is copied. Put the secret in.")}, "Copy"), copySecret)), about, rule, h("pre", {tabindex: "0", "aria-label": "Message"}, text), secretWords),
    h("li", {}, h("h3", {}, "Try it"), trial)));
  fill();
  function fill() {
    put(url, state.source.url); put(text, state.source.messages[state.kind]);
    put(about, KINDS.find(([kind]) => kind === state.kind)[2] + (state.source.mapped ? " In the shape this source's map expects." : ""));
    rule.hidden = !state.source.unclear.length;
    put(rule, `The map reads ${state.source.unclear.join(", ")} in a way this page cannot write (${state.source.rule.join("; ")}): put these in yourself.`);
    put(secretWords, `YOUR-SECRET stands for the secret in ${state.source.secret_at}.`);
    for (const button of kinds) button.setAttribute("aria-pressed", String(button.dataset.kind === state.kind));
  }
}

function tryButton(ctx, kind, title) {
  const may = ctx.may("try_alert");
  const button = h("button", {type: "button", disabled: !may, title: may ? null : "A viewer cannot send alerts: log in with an operator's token", onclick: () =>
    ctx.press("try_alert", {kind}, {title: `${title}?`, yes: "Send it", preview: true, button})}, title);
  if (kind === "entry") button.classList.add("main");
  return button;
}

async function withSecret(ctx, state) {
  try {
    const answer = await ctx.post("/x/dashboard/secret", {source: state.source.name, kind: state.kind});
    const found = await answer.json();
    if (found.error) return ctx.say(ctx.words(found.error), "bad");
    await copy(ctx, found.message, "The message is copied with its secret. Paste it into TradingView; do not leave it elsewhere.");
  } catch { ctx.say("The panel cannot be reached. Try again when it is back.", "bad"); }
}

async function copy(ctx, text, said) {
  try {
    await navigator.clipboard.writeText(text);
    ctx.say(said);
  } catch {
    ctx.say("This browser lets pages copy only over HTTPS or on this machine: mark the text and copy it yourself.", "bad");
  }
}
