// What the user does to tasks, and how it is answered.

import { ApiError, newKey } from "./api.js";
import * as editor from "./editor.js";
import { clearErrors, showErrors } from "./forms.js";
import { announce, toast } from "./notice.js";

const composer = document.getElementById("composer");
const titleInput = composer.elements.title;
const confirmDialog = document.getElementById("confirm");
const confirmText = document.getElementById("confirm-text");
const confirmError = confirmDialog.querySelector(".form-error");
const confirmButton = document.getElementById("confirm-delete");

export class Actions {
  #api;
  #store;
  #changed;
  #own = new Set(); // ids of tasks with a request under way, and "new" for one that has no id yet
  #keys = new Map(); // body of a request that made no task yet → its Idempotency-Key

  /** `changed(task, {added})` is called after the store has what the backend answered. */
  constructor(api, store, changed) {
    this.#api = api;
    this.#store = store;
    this.#changed = changed;
    composer.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#add();
    });
    document.getElementById("new-details").addEventListener("click", () => {
      clearErrors(composer);
      editor.writeNew(titleInput.value, async (fields) => {
        await this.#create(fields);
        titleInput.value = "";
      });
    });
  }

  /** Whether an event of this kind about this task is most likely the echo of what the user does here. */
  isOwn(kind, id) {
    return this.#own.has(kind === "created" ? "new" : id);
  }

  complete(task) {
    return this.#toggle(task, () => this.#api.complete(task.id), () => {
      toast(`Completed “${task.title}”`, { action: { label: "Undo", run: () => this.reopen(task) } });
    });
  }

  reopen(task) {
    return this.#toggle(task, () => this.#api.reopen(task.id), () => announce(`Reopened ${task.title}`));
  }

  edit(task) {
    let { version } = task;
    editor.edit(task, async (changes) => {
      try {
        await this.#request(task.id, () => this.#api.update(task.id, version, changes));
      } catch (error) {
        if (error.status !== 412) {
          throw error;
        }
        version = (await this.#api.get(task.id)).version;
        throw new ApiError("Someone changed this task while you did. Save again to write your changes over theirs.");
      }
      announce(`Saved ${task.title}`);
    });
  }

  remove(task) {
    confirmText.textContent = `“${task.title}” goes away for everyone. Its history stays.`;
    confirmError.hidden = true;
    confirmButton.onclick = async () => {
      confirmButton.disabled = true;
      try {
        await this.#api.remove(task.id);
        this.#deleted(task);
      } catch (error) {
        if (error.status !== 404) { // deleted by somebody else is deleted as well
          confirmError.textContent = error.message;
          confirmError.hidden = false;
          return;
        }
        this.#deleted(task);
      } finally {
        confirmButton.disabled = false;
      }
    };
    confirmDialog.showModal();
  }

  #deleted(task) {
    confirmDialog.close(); // first: it gives the focus back to the row, which then hands it to its neighbour
    this.#store.remove(task.id);
    this.#changed(task);
    announce(`Deleted ${task.title}`);
  }

  /** The field is free for the next title at once; a title that could not be added comes back. */
  async #add() {
    const title = titleInput.value.trim();
    clearErrors(composer);
    if (!title) {
      if (!this.#own.has("new")) { // else it is the second Enter of an impatient user
        showErrors(composer, new ApiError("", { fields: new Map([["title", "Give the task a title."]]) }));
      }
      return;
    }
    titleInput.value = "";
    try {
      await this.#create({ title });
    } catch (error) {
      if (!(error instanceof ApiError)) {
        throw error;
      }
      const putBack = () => {
        titleInput.value = title;
        showErrors(composer, error);
        titleInput.focus();
      };
      if (titleInput.value) {
        toast(`“${title}” was not added. ${error.message}`, { action: { label: "Put it back", run: putBack }, failed: true });
      } else {
        putBack();
      }
    }
  }

  async #create(fields) {
    const body = JSON.stringify(fields);
    // The key stays until an answer came: trying again after a lost answer does not make a second task.
    const key = this.#keys.get(body) ?? newKey();
    this.#keys.set(body, key);
    const task = await this.#request("new", () => this.#api.create(fields, key), { added: true });
    this.#keys.delete(body);
    announce(`Added ${task.title}`);
  }

  async #toggle(task, call, done) {
    try {
      await this.#request(task.id, call);
      done();
    } catch (error) {
      if (!(error instanceof ApiError)) {
        throw error;
      }
      toast(error.message, { failed: true });
      this.#changed(task); // puts the checkbox back
    }
  }

  async #request(id, call, { added = false } = {}) {
    this.#own.add(id);
    try {
      const task = await call();
      this.#store.put(task);
      this.#changed(task, { added });
      return task;
    } finally {
      this.#own.delete(id);
    }
  }
}
