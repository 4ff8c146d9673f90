// Questions before what cannot be taken back, and words after it.
import {h} from "./dom.js";
import {act, away, nextWord} from "./live.js";
import {moment} from "./counting.js";

/** say("text", "good" | "bad"): a line in the corner that goes away; errors stay until closed. */
export function say(text, tone = "good") {
  let box = document.getElementById("terrace-said");
  if (!box) document.body.append((box = h("div", {id: "terrace-said", role: "status", "aria-live": "polite"})));
  const line = h("p", {dataset: {tone}}, text, h("button", {type: "button", "aria-label": "Close", onclick: () => line.remove()}, "×"));
  box.append(line);
  while (box.children.length > 5) box.firstChild.remove();
  if (tone !== "bad") setTimeout(() => line.remove(), 6000);
}

export const words = (error) => [error.message, error.remedy].filter(Boolean).join(". ");

/** ask({title, body: Node|text, yes: "Close it", danger, typed: "CLOSE ALL"}): true if confirmed. `isTold`: no question, only words. */
export function ask({title, body = "", yes = "Yes", danger = false, typed = "", isTold = false}) {
  return new Promise((resolve) => {
    const button = h(danger ? "button.danger" : "button.main", {type: "submit", value: "yes", disabled: !!typed}, yes);
    const field = typed ? h("label", {}, `Type ${typed} to confirm`, h("input", {type: "text", autocomplete: "off", oninput: (event) => { button.disabled = event.target.value !== typed; }})) : null;
    const dialog = h("dialog", {"aria-labelledby": "terrace-question"}, h("form", {method: "dialog"}, h("h2", {id: "terrace-question"}, title), h("div", {}, ...[body].flat()), field,
      h("div.buttons", {}, isTold ? null : h("button", {type: "submit", value: "no", formnovalidate: true}, "No"), button)));
    dialog.addEventListener("close", () => { resolve(dialog.returnValue === "yes"); dialog.remove(); });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Presses a button and says what came of it. `preview`: first asks the engine what it would do and shows that.
 *  The button, and the row it is in, are busy until the engine has answered and the screen shows it. */
export async function press(verb, values, {title, yes, danger, typed, preview = false, button = null, body: given = ""} = {}) {
  if (title) {
    let body = given;
    if (preview) {
      const would = await busy(button, () => act(verb, values, {preview: true}));
      if (would.error) { say(words(would.error), "bad"); return null; }
      body = [given, would.done.said && h("p", {}, would.done.said)].filter(Boolean);
    }
    const late = away();
    const warning = late && h("p", {dataset: {tone: "warn"}}, `What is shown is stale since ${moment(late.since)}: ${late.why}.`);
    if (!(await ask({title, body: [warning, body].flat().filter(Boolean), yes, danger, typed}))) return null;
  }
  return busy(button, async () => {
    const answer = await act(verb, values);
    if (answer.error) { say(words(answer.error), "bad"); return null; }
    say(answer.done.said || "Done.");
    await nextWord();
    return answer.done;
  });
}

async function busy(button, work) {
  if (!button) return work();
  const row = button.closest("tr, [data-busy]"), was = button.disabled;
  button.disabled = true;
  button.setAttribute("aria-busy", "true");
  row?.setAttribute("aria-busy", "true");
  try {
    return await work();
  } finally {
    button.disabled = was;
    button.removeAttribute("aria-busy");
    row?.removeAttribute("aria-busy");
  }
}
