// What this browser remembers for itself: theme, size of text, how often it draws, columns.
import {PACES, onPace, pace, setPace} from "../../pace.js";

const SIZES = [["14", "Small"], ["", "Normal"], ["18", "Large"], ["20", "Larger"]]; // Pixels of the root; the rest follows.

export function browserPane(pane, ctx) {
  const {h, me, say} = ctx;
  const theme = h("select", {id: "browser-theme", onchange: () => { document.documentElement.dataset.theme = theme.value; localStorage.setItem("terrace.theme", theme.value); dispatchEvent(new Event("terrace:theme")); }}, ["dark", "light"].map((word) => h("option", {value: word}, word)));
  theme.value = document.documentElement.dataset.theme;
  const size = h("select", {id: "browser-size", onchange: () => { if (size.value) localStorage.setItem("terrace.font_px", size.value); else localStorage.removeItem("terrace.font_px"); document.documentElement.style.fontSize = size.value ? `${size.value}px` : ""; }}, SIZES.map(([value, word]) => h("option", {value}, word)));
  size.value = localStorage.getItem("terrace.font_px") || "";
  const often = h("select", {id: "browser-pace", onchange: () => setPace(often.value)}, PACES.map(([value, word]) => h("option", {value}, word)));
  often.value = pace() ? String(pace()) : "";
  onPace((now) => { often.value = now ? String(now) : ""; });
  const columns = h("button", {type: "button", onclick: () => {
    const kept = Object.keys(localStorage).filter((key) => key.startsWith("terrace.table."));
    kept.forEach((key) => localStorage.removeItem(key));
    say(kept.length ? `Columns and order of ${kept.length} ${kept.length === 1 ? "table" : "tables"} are as shipped; open a page to see it` : "Every table is as shipped already");
  }}, "Columns and order as shipped");
  addEventListener("terrace:theme", () => { theme.value = document.documentElement.dataset.theme; });
  const row = (id, label, control, help) => h("div.setting", {}, h("div.name", {}, h("label", {for: id}, label), h("p.help", {}, help)), h("div.value", {}, h("div.control", {}, control)), h("div.facts", {}));
  pane.append(h("h2", {}, "This browser"), h("p.help", {}, "Remembered in this browser alone; nobody else sees a difference."),
    row("browser-theme", "Theme", theme, "Light or dark, charts included."), row("browser-size", "Size of text", size, "Of everything on every page."),
    row("browser-pace", "Redraw", often, `How often live figures and tables are drawn anew. After a button of yours, and when something goes stale, it is at once in any case. The panel itself reads every ${me.refresh_ms} ms for all browsers (panel.refresh_ms).`),
    h("div.setting", {}, h("div.name", {}, h("span.label", {}, "Tables"), h("p.help", {}, "Columns that were hidden and the order that was chosen.")), h("div.value", {}, columns), h("div.facts", {})));
}
