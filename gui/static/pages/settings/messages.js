// Notifications: channels, a test of each, and what became of the last messages.
import {makeTime} from "./diff.js";
import {zone} from "../../moments.js";

export function messagesPane(pane, ctx, draft) {
  const {h, table, act} = ctx;
  const channels = (draft.inForce(["notifications"]) || []).map((one, index) => ({...one, name: one.name || `channel-${index + 1}`}));
  const may = ctx.may("notifications_test"), result = h("div.checks", {role: "status"});
  pane.append(h("h2", {}, "Notifications"), h("p.help", {}, `A test goes past severities and quiet hours. What channels there are, and what each is sent, is set under Notification channels. Times in ${zone}.`));
  const test = async (name, button) => {
    button.disabled = true; button.setAttribute("aria-busy", "true");
    const answer = await act("notifications_test", {channel: name});
    button.disabled = false; button.removeAttribute("aria-busy");
    if (answer.error) return result.replaceChildren(h("p.fault", {}, ctx.words(answer.error)));
    result.replaceChildren(h("ul", {}, answer.done.results.map((one) => h("li", {dataset: {tone: one.sent ? "good" : "bad"}}, one.sent ? `✓ ${one.channel}: the test message was taken` : `✗ ${one.channel}: ${one.error}`))));
  };
  pane.append(channels.length ? h("div.scroll", {tabindex: "0", role: "region", "aria-label": "Channels"}, h("table", {}, h("caption.visually-hidden", {}, "Channels"), h("thead", {}, h("tr", {}, ["Channel", "From severity", "URL", "Actions"].map((title) => h("th", {scope: "col"}, title)))),
    h("tbody", {}, channels.map((one) => h("tr", {}, h("th", {scope: "row"}, one.name), h("td", {}, one.severity), h("td", {}, h("code", {}, one.url)), h("td", {}, h("button", {type: "button", disabled: !may, title: may ? null : "needs the role admin", "aria-label": `Send a test over ${one.name}`, onclick: (event) => test(one.name, event.target)}, "Send a test")))))))
    : h("p.empty", {}, "No channel is set up: notices are shown here and in the log, and are sent nowhere. ", h("a", {href: "#notifications"}, "Add a channel"), "."), result, h("h3", {}, "Last messages"));
  const list = table(pane, {topic: "settings_sent", key: "settings_sent", caption: "Messages", empty: "Nothing was sent yet.", columns: [
    {key: "time", title: "When", make: makeTime}, {key: "channel", title: "Channel"}, {key: "severity", title: "Severity"}, {key: "title", title: "Message"}, {key: "state", title: "State"}, {key: "tries", title: "Tries", num: true}, {key: "error", title: "Why not"},
  ]});
  return () => list.stop();
}
