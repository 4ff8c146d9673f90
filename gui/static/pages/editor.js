// The configuration as text: the library's components below do the work.
export function mount(root, {h}) {
  document.body.classList.add("has-forms");
  // The editor's own scroller cannot be reached by keyboard where the text is longer than it.
  new MutationObserver(() => document.querySelectorAll(".cm-scroller:not([tabindex=\"0\"])").forEach((one) => one.setAttribute("tabindex", "0"))).observe(document.body, {childList: true, subtree: true});
  root.append(h("p.dim.note", {}, "The file as it is in force, comments included. Check says what is wrong or what would change; only what was checked can be put in force, and a version that somebody else made in between is not written over. Secrets stand in it as references."), h("p", {}, h("a", {href: "/settings"}, "Back to Settings")));
}
