// Shortcuts of one key. They never fire while the user types or a dialog is open.

const TEXT_INPUTS = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]";

/** `actions` maps a key as KeyboardEvent.key names it to what it does. */
export function onKeys(actions) {
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.(TEXT_INPUTS) || event.isComposing;
    const combined = event.ctrlKey || event.metaKey || event.altKey;
    const action = actions[event.key.toLowerCase()];
    if (!action || typing || combined || event.repeat || document.querySelector("dialog[open]")) {
      return;
    }
    event.preventDefault(); // or the key would be typed into the field that it moves to
    action();
  });
}
