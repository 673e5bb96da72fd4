// The two lists of tasks, kept in step with the store.

import { shortTime, showTime, urgency } from "./dates.js";

const template = document.getElementById("task-template");
const empty = document.getElementById("empty");
const REPEATS = { daily: "Every day", weekly: "Every week", monthly: "Every month" };

/**
 * `on` holds what the user can do with a task: complete(task), reopen(task), edit(task), history(task), delete(task).
 * Rows are changed in place, never rebuilt: the focus and a screen reader's position stay where they are.
 */
export class TaskList {
  #store;
  #on;
  #rows = new Map(); // id → {row, task}
  #sections = ["open", "completed"].map((status) => ({ status, element: document.getElementById(`section-${status}`) }));

  constructor(store, on) {
    this.#store = store;
    this.#on = on;
  }

  /**
   * Show the tasks of `status` ("all", "open", "completed") that contain all of `words`. `more` maps a status to the
   * function that loads older tasks of it, or null when there are none.
   */
  render({ status, words, more }) {
    const focus = this.#rememberFocus();
    const shown = new Set();
    for (const section of this.#sections) {
      const visible = status === "all" || status === section.status;
      const tasks = visible ? this.#store.withStatus(section.status).filter((task) => matches(task, words)) : [];
      this.#renderSection(section.element, tasks, visible ? more[section.status] : null);
      tasks.forEach((task) => shown.add(task.id));
    }
    for (const [id, { row }] of this.#rows) {
      if (!shown.has(id)) {
        row.remove();
        this.#rows.delete(id);
      }
    }
    showEmpty(shown.size === 0, status, words);
    this.#restoreFocus(focus);
  }

  /** Draw the eye to a task that somebody else changed. */
  flash(id) {
    const row = this.#rows.get(id)?.row;
    row?.classList.remove("flash");
    void row?.offsetWidth; // without a layout in between, the animation would not start again
    row?.classList.add("flash");
  }

  #renderSection(element, tasks, more) {
    const list = element.querySelector("ul");
    const button = element.querySelector(".more");
    element.hidden = tasks.length === 0 && !more;
    element.querySelector(".count").textContent = tasks.length + (more ? "+" : "");
    button.hidden = !more;
    button.onclick = more;
    tasks.forEach((task, index) => {
      const row = this.#row(task);
      if (list.children[index] !== row) {
        list.insertBefore(row, list.children[index] ?? null);
      }
    });
  }

  #row(task) {
    let entry = this.#rows.get(task.id);
    if (!entry) {
      entry = { row: template.content.firstElementChild.cloneNode(true), task };
      this.#rows.set(task.id, entry);
      this.#listen(entry);
    }
    entry.task = task;
    fill(entry.row, task);
    return entry.row;
  }

  #listen(entry) {
    entry.row.querySelector(".check").addEventListener("change", ({ target }) => {
      this.#on[target.checked ? "complete" : "reopen"](entry.task);
    });
    for (const button of entry.row.querySelectorAll("[data-action]")) {
      button.addEventListener("click", () => this.#on[button.dataset.action](entry.task));
    }
  }

  #rememberFocus() {
    const control = document.activeElement;
    const row = control?.closest(".task");
    return row && { control, list: row.parentElement, index: [...row.parentElement.children].indexOf(row) };
  }

  /** A moved or removed row loses the focus. It goes to the same control of the row that took its place. */
  #restoreFocus(focus) {
    if (!focus || document.activeElement === focus.control) {
      return;
    }
    if (focus.control.closest("ul") === focus.list) {
      focus.control.focus(); // the row only moved within its list
      return;
    }
    const next = focus.list.children[Math.min(focus.index, focus.list.children.length - 1)];
    const control = next?.querySelector(`[data-testid="${focus.control.dataset.testid}"]`);
    (control ?? document.getElementById("new-title")).focus();
  }
}

function matches(task, words) {
  const text = `${task.title}\n${task.description ?? ""}`.toLocaleLowerCase();
  return words.every((word) => text.includes(word));
}

function fill(row, task) {
  const done = task.status === "completed";
  row.dataset.taskId = task.id;
  row.dataset.status = task.status;
  const check = row.querySelector(".check");
  check.checked = done;
  check.setAttribute("aria-label", `Complete ${task.title}`);
  row.querySelector(".task-title").textContent = task.title;
  setText(row.querySelector(".task-description"), task.description);
  for (const button of row.querySelectorAll("[data-action]")) {
    const name = { edit: "Edit", history: "History of", delete: "Delete" }[button.dataset.action];
    button.setAttribute("aria-label", `${name} ${task.title}`);
    button.title = name.replace(" of", "");
  }
  const due = row.querySelector(".due");
  showFact(due, !done && task.due_at);
  due.dataset.urgency = task.due_at && !done ? urgency(task.due_at) : "";
  if (due.dataset.urgency === "overdue") {
    due.querySelector("time").textContent = `Overdue · ${shortTime(task.due_at)}`;
  }
  showFact(row.querySelector(".remind"), !done && task.remind_at);
  showFact(row.querySelector(".done"), done && task.completed_at);
  const recurrence = row.querySelector(".recurrence");
  recurrence.hidden = !task.recurrence;
  recurrence.querySelector(".text").textContent = REPEATS[task.recurrence] ?? task.recurrence ?? "";
}

function setText(element, text) {
  element.textContent = text ?? "";
  element.hidden = !text;
}

function showFact(element, iso) {
  element.hidden = !iso;
  if (iso) {
    showTime(element.querySelector("time"), iso);
  }
}

function showEmpty(isEmpty, status, words) {
  empty.hidden = !isEmpty;
  const [title, text] =
    words.length > 0
      ? ["Nothing matches", "No task shown here has all of these words."]
      : {
          all: ["Nothing to do", "Add your first task above. It shows up in every open window at once."],
          open: ["All done", "There are no open tasks."],
          completed: ["Nothing completed yet", "Tasks that you complete are kept here."],
        }[status];
  empty.querySelector("use").setAttribute("href", words.length > 0 ? "#i-search" : "#i-check");
  empty.querySelector(".empty-title").textContent = title;
  empty.querySelector(".empty-text").textContent = text;
}
