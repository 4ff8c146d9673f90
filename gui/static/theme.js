// Before the first paint: light or dark and the size of type, as this browser has chosen, else as configured.
(() => {
  const root = document.documentElement;
  const remembered = (key) => { try { return localStorage.getItem(key); } catch { return null; } };
  const chosen = remembered("terrace.theme") || document.currentScript.dataset.theme;
  root.dataset.theme = chosen === "light" ? "light" : "dark";
  const size = Number(remembered("terrace.font_px"));
  if (size >= 10 && size <= 28) root.style.fontSize = `${size}px`;
  // The library sets a class of its own from the system's choice; ours holds.
  const follow = () => {
    const isDark = root.dataset.theme === "dark";
    if (document.body && document.body.classList.contains("dark") !== isDark) document.body.classList.toggle("dark", isDark);
  };
  document.addEventListener("DOMContentLoaded", () => {
    follow();
    new MutationObserver(follow).observe(document.body, {attributes: true, attributeFilter: ["class"]});
  });
  addEventListener("terrace:theme", follow);
})();
