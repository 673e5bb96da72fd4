// Short messages: some to see, some only to hear.

const SHOWN_MS = 8_000;
const toastElement = document.getElementById("toast");
const announcer = document.getElementById("announcer");
let timer;

/** Show `text` at the foot of the page for some seconds, with a button when `action` {label, run} is given. */
export function toast(text, { action = null, failed = false } = {}) {
  clearTimeout(timer);
  const message = document.createElement("span");
  message.textContent = text;
  toastElement.replaceChildren(message);
  toastElement.classList.toggle("failed", failed);
  if (action) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = action.label;
    button.addEventListener("click", () => {
      hide();
      action.run();
    });
    toastElement.append(button);
  }
  toastElement.classList.add("shown");
  hideLater();
}

function hideLater() {
  timer = setTimeout(() => (toastElement.matches(":hover, :focus-within") ? hideLater() : hide()), SHOWN_MS);
}

function hide() {
  clearTimeout(timer);
  toastElement.classList.remove("shown");
  toastElement.replaceChildren();
}

/** Tell users of a screen reader what others see happen. */
export function announce(text) {
  announcer.textContent = text;
}
