// Filling the store from the backend: whole at the start and after every reconnect, older tasks on demand.

import { ApiError } from "./api.js";

const STATUSES = ["open", "completed"];
const RETRY_MS = 5_000;

export class Loader {
  /** Tasks of a status that are older than those loaded: a function that loads the next page, or null. */
  more = { open: null, completed: null };
  #api;
  #store;
  #onLoaded;
  #onFailed;
  #pages = { open: 1, completed: 1 };
  #loading = false;
  #again = false;
  #timer;

  /** `onLoaded()` is called after the store was filled, `onFailed(message)` when it could not be. */
  constructor(api, store, { onLoaded, onFailed }) {
    this.#api = api;
    this.#store = store;
    this.#onLoaded = onLoaded;
    this.#onFailed = onFailed;
  }

  /** Load everything that was loaded so far anew. A call during a load makes it start again when it is done. */
  async load() {
    this.#again = true;
    if (this.#loading) {
      return;
    }
    this.#loading = true;
    clearTimeout(this.#timer);
    while (this.#again) {
      this.#again = false;
      await this.#reporting(() => this.#loadAll());
    }
    this.#loading = false;
  }

  async #loadAll() {
    const mark = this.#store.mark();
    const tasks = await Promise.all(STATUSES.map((status) => this.#readPages(status)));
    this.#store.replace(tasks.flat(), mark);
  }

  async #readPages(status) {
    const tasks = [];
    let next = null;
    for (let page = 0; page < this.#pages[status]; page += 1) {
      const found = await this.#api.list(status, next);
      tasks.push(...found.tasks);
      next = found.next;
      if (next === null) {
        break;
      }
    }
    this.#setMore(status, next);
    return tasks;
  }

  #setMore(status, next) {
    this.more[status] = next && (() => this.#reporting(() => this.#loadPage(status, next)));
  }

  async #loadPage(status, cursor) {
    const { tasks, next } = await this.#api.list(status, cursor);
    tasks.forEach((task) => this.#store.put(task));
    this.#pages[status] += 1;
    this.#setMore(status, next);
  }

  async #reporting(action) {
    try {
      await action();
    } catch (error) {
      if (!(error instanceof ApiError)) {
        throw error;
      }
      this.#onFailed(error.message);
      this.#timer = setTimeout(() => this.load(), RETRY_MS);
      return;
    }
    this.#onLoaded();
  }
}
