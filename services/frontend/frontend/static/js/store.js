// The tasks that this page knows.

/**
 * Answers and events come in any order; the highest version of a task wins, and a deleted task stays deleted.
 * The methods return whether the page has to show something else than before.
 */
export class TaskStore {
  #tasks = new Map(); // id → {task, touched}
  #deleted = new Set(); // ids are never used twice, so these never have to be forgotten
  #clock = 0;

  get(id) {
    return this.#tasks.get(id)?.task;
  }

  /** Tasks of one status: open ones newest first, completed ones by when they were completed, latest first. */
  withStatus(status) {
    const tasks = [...this.#tasks.values()].map(({ task }) => task).filter((task) => task.status === status);
    const time = (task) => (status === "completed" && task.completed_at) || task.created_at;
    // Dates have milliseconds, the backend's times microseconds: their text decides what is left.
    const later = (a, b) => Date.parse(b) - Date.parse(a) || (a < b ? 1 : -1);
    return tasks.sort((a, b) => later(time(a), time(b)));
  }

  put(task) {
    const known = this.#tasks.get(task.id);
    if (this.#deleted.has(task.id) || (known && known.task.version >= task.version)) {
      return false;
    }
    this.#tasks.set(task.id, { task, touched: ++this.#clock });
    return true;
  }

  remove(id) {
    this.#deleted.add(id);
    return this.#tasks.delete(id);
  }

  /** A point in time, for replace(). */
  mark() {
    return this.#clock;
  }

  /** Take a whole list that was asked for at `mark`: what it lacks is gone, unless it was heard of since. */
  replace(tasks, mark) {
    const listed = new Set(tasks.map((task) => task.id));
    for (const [id, { touched }] of this.#tasks) {
      if (touched <= mark && !listed.has(id)) {
        this.#tasks.delete(id);
      }
    }
    for (const task of tasks) {
      this.put(task);
    }
  }
}
