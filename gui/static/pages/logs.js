// Stored events and the daemon's own log: filtered, followed, opened line by line, taken away as a file.
import {filters} from "./logs/filters.js";
import {lines} from "./logs/lines.js";

export function mount(root, context) {
  const {h} = context;
  const kinds = new Map([["events", "Events"], ["lines", "Daemon's log"]].map(([key, label]) => [key, h("button", {type: "button", onclick: () => choose(key)}, label)]));
  let kind = new URLSearchParams(location.search).get("log") === "daemon" ? "lines" : "events", view = null;
  const asked = filters(context, draw), place = h("div");
  root.append(h("div.segments.views", {role: "group", "aria-label": "Which log"}, [...kinds.values()]), asked.element, place);

  function choose(key) {
    kind = key;
    const kept = new URLSearchParams(location.search);
    if (key === "lines") kept.set("log", "daemon"); else kept.delete("log");
    history.replaceState(null, "", `${location.pathname}${kept.size ? `?${kept}` : ""}`);
    draw();
  }
  function draw() {
    for (const [key, button] of kinds) button.setAttribute("aria-pressed", String(key === kind));
    asked.show(kind);
    view?.stop();
    view = lines(context, `${kind}:${asked.query()}`, {
      label: kind === "events" ? "Stored events" : "Lines of the daemon's log",
      empty: asked.isSet() ? "Nothing matches these filters." : kind === "events" ? "Nothing has been stored yet." : "The daemon has written nothing since it started.",
      note: kind === "events" ? "Every event is kept in the store; the newest that match are shown, the newest at the bottom." : "What the daemon writes, the newest at the bottom; older lines are in its log file.",
    });
    place.replaceChildren(view.element);
  }
  draw();
}
