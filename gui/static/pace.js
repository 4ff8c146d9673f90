// How often this browser draws live figures anew: as they come, or every so many ms. Remembered by the browser.
const KEY = "terrace.pace_ms";
export const PACES = [["", "Live"], ["1000", "Every second"], ["5000", "Every 5 seconds"]];

/** Milliseconds between two drawings; 0: as it comes. */
export function pace() {
  let kept = "";
  try { kept = localStorage.getItem(KEY) || ""; } catch { /* Nothing is remembered here. */ }
  return PACES.some(([value]) => value === kept) ? Number(kept) : 0;
}

export function setPace(value) {
  if (value) localStorage.setItem(KEY, value); else localStorage.removeItem(KEY);
  dispatchEvent(new Event("terrace:pace"));
}

/** Calls back with the pace when it is changed, in this tab or in another one of the browser. */
export function onPace(listener) {
  addEventListener("terrace:pace", () => listener(pace()));
  addEventListener("storage", (event) => { if (event.key === KEY || event.key === null) listener(pace()); });
}
