// The dialog in which all of a task is written: a new one's and an existing one's.

import { ApiError } from "./api.js";
import { fromInput, toInput } from "./dates.js";
import { clearErrors, showErrors, submitting } from "./forms.js";

const dialog = document.getElementById("editor");
const form = dialog.querySelector("form");
const heading = document.getElementById("editor-heading");
const save = form.querySelector("[type=submit]");
const NAMES = ["title", "description", "due_at", "remind_at", "recurrence"];

let before; // the fields' values when the dialog opened
let send; // what to do with the changed fields

form.addEventListener("submit", (event) => {
  event.preventDefault();
  submitting(form, async () => {
    try {
      clearErrors(form);
      await send(changes());
      dialog.close();
    } catch (error) {
      if (!(error instanceof ApiError)) {
        throw error;
      }
      showErrors(form, error);
    }
  });
});

/** Write a new task; `create(fields)` makes it. */
export function writeNew(title, create) {
  open("New task", "Add", {}, create);
  form.elements.title.value = title; // after open(): a title typed before counts as a change
}

/** Change `task`; `update(changes)` gets the changed fields only, in the API's form. */
export function edit(task, update) {
  open("Edit task", "Save", task, (changed) => (Object.keys(changed).length > 0 ? update(changed) : null));
}

function open(title, action, task, then) {
  heading.textContent = title;
  save.textContent = action;
  send = then;
  clearErrors(form);
  for (const name of NAMES) {
    form.elements[name].value = name.endsWith("_at") ? toInput(task[name]) : (task[name] ?? "");
  }
  before = values();
  dialog.showModal();
}

function values() {
  return Object.fromEntries(NAMES.map((name) => [name, form.elements[name].value]));
}

/** The changed fields. Comparing what the inputs hold keeps the seconds of a time that was not touched. */
function changes() {
  const errors = new Map();
  const changed = {};
  for (const [name, value] of Object.entries(values())) {
    if (form.elements[name].validity.badInput) {
      errors.set(name, "Give a whole date and time, or clear it."); // its value is "", as if there was none
    } else if (value !== before[name]) {
      changed[name] = name.endsWith("_at") ? fromInput(value) : name === "recurrence" ? value || null : value;
    }
  }
  if (!values().title.trim()) {
    errors.set("title", "Give the task a title.");
  }
  if (errors.size > 0) {
    throw new ApiError("", { fields: errors });
  }
  return changed;
}
