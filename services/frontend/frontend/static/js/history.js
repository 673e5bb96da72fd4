// The panel with everything that happened to a task.

import { ApiError } from "./api.js";
import { showTime } from "./dates.js";

const RETRY_MS = 700;
const TRIES = 6;
const WORDS = {
  title: "title", description: "description", due_at: "due date", remind_at: "reminder", recurrence: "repetition",
};
const dialog = document.getElementById("history");
const heading = document.getElementById("history-heading");
const state = document.getElementById("history-state");
const list = document.getElementById("history-entries");
const retry = document.getElementById("history-retry");
const template = document.getElementById("entry-template");

export class History {
  #api;
  #task = null;
  #timer;

  constructor(api) {
    this.#api = api;
    retry.addEventListener("click", () => this.#load(TRIES));
    dialog.addEventListener("close", () => {
      clearTimeout(this.#timer);
      this.#task = null;
    });
  }

  open(task) {
    this.#task = task;
    heading.textContent = task.title;
    list.replaceChildren();
    state.textContent = "Loading…";
    dialog.showModal();
    this.#load(TRIES);
  }

  /** A task changed: if it is the one shown, show what is new. */
  changed(task) {
    if (this.#task?.id === task.id && task.version > this.#task.version) {
      this.#task = task;
      this.#load(TRIES);
    }
  }

  async #load(tries) {
    clearTimeout(this.#timer);
    const task = this.#task;
    retry.hidden = true;
    try {
      const history = await this.#api.history(task.id).catch(notYet);
      if (this.#task === task) {
        this.#show(history, tries);
      }
    } catch (error) {
      if (!(error instanceof ApiError)) {
        throw error;
      }
      if (this.#task === task) {
        state.textContent = error.message;
        retry.hidden = false;
      }
    }
  }

  #show({ entries, complete }, tries) {
    list.replaceChildren(...entries.map(entryElement).reverse());
    const newest = entries.at(-1)?.sequence ?? 0;
    // History is written from events: it follows the task itself by a moment.
    const behind = !complete || newest < this.#task.version;
    state.textContent = behind ? (tries > 1 ? "The newest entries are on their way…" : "The newest entries have not arrived yet.") : "";
    retry.hidden = !(behind && tries <= 1);
    if (behind && tries > 1) {
      this.#timer = setTimeout(() => this.#load(tries - 1), RETRY_MS);
    }
  }
}

/** A task that has no history is one whose first event is still on its way. */
function notYet(error) {
  if (error.status !== 404) {
    throw error;
  }
  return { entries: [], complete: false };
}

function entryElement(entry, index, entries) {
  const element = template.content.firstElementChild.cloneNode(true);
  const kind = entry.type.split(".").at(-2); // taskapp.task.created.v1
  element.dataset.kind = kind;
  element.dataset.sequence = entry.sequence;
  element.querySelector(".entry-what").textContent = whatHappened(kind, entry);
  const title = element.querySelector(".entry-title");
  title.textContent = entry.task_title;
  title.hidden = entry.task_title === entries[index - 1]?.task_title; // said once, and again where it changed
  showTime(element.querySelector("time"), entry.time);
  return element;
}

function whatHappened(kind, entry) {
  if (kind !== "updated") {
    return { created: "Created", completed: "Completed", deleted: "Deleted" }[kind] ?? kind;
  }
  const words = (entry.changes ?? []).map((name) => WORDS[name]).filter(Boolean);
  if (entry.changes?.includes("status")) {
    return entry.status === "open" ? "Reopened" : "Completed";
  }
  return words.length > 0 ? `Changed ${new Intl.ListFormat("en").format(words)}` : "Changed";
}
