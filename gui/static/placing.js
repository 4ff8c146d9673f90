// Rows go where they belong with as few moves as can be; what is selected or has the focus stays so.

/** Makes `wanted` the children of `parent`, in this order. */
export function place(parent, wanted) {
  const focused = parent.contains(document.activeElement) ? document.activeElement : null;
  const kept = new Set(wanted);
  for (const child of [...parent.children]) if (!kept.has(child)) child.remove();
  let at = parent.firstChild;
  for (const child of wanted) {
    if (child === at) { at = at.nextSibling; continue; }
    if (at && at.nextSibling === child) { const later = at; at = child.nextSibling; parent.append(later); continue; }
    parent.insertBefore(child, at);
  }
  if (focused && focused.isConnected && document.activeElement !== focused) focused.focus({preventScroll: true});
}

let isSelected = false; // To ask the browser costs a layout: it tells when that changes.
document.addEventListener("selectionchange", () => { isSelected = !getSelection().isCollapsed; });
const nothing = () => {};

/** Remembers what is selected inside `parent`; the answer sets it again where it was disturbed. */
export function keepSelection(parent) {
  if (!isSelected) return nothing;
  const selection = getSelection();
  if (!parent.contains(selection.anchorNode)) return nothing;
  const {anchorNode, anchorOffset, focusNode, focusOffset} = selection;
  return () => {
    if (!anchorNode.isConnected || !focusNode.isConnected) return;
    if (selection.anchorNode === anchorNode && selection.focusNode === focusNode && selection.anchorOffset === anchorOffset && selection.focusOffset === focusOffset) return;
    selection.setBaseAndExtent(anchorNode, Math.min(anchorOffset, length(anchorNode)), focusNode, Math.min(focusOffset, length(focusNode)));
  };
}
const length = (node) => (node.nodeType === Node.TEXT_NODE ? node.length : node.childNodes.length);
