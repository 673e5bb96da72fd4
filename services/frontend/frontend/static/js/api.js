// The backend's REST API, and its errors in words.

const TIMEOUT_MS = 10_000;
const PAGE_SIZE = 50;

/** A request that failed. `message` is a sentence for the user; `fields` maps a field's name to one. */
export class ApiError extends Error {
  constructor(message, { status = 0, fields = new Map() } = {}) {
    super(message);
    this.status = status; // HTTP status, 0 when there was no answer
    this.fields = fields;
  }
}

/** A key that no other request has. crypto.randomUUID() is missing on plain-http hosts other than localhost. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class Api {
  #base;

  constructor(base) {
    this.#base = base;
  }

  /** One page of tasks, newest first: {tasks, next}; `next` is null on the last page, else passed back here. */
  async list(status, next = null) {
    const query = next ?? `?status=${status}&limit=${PAGE_SIZE}`;
    const page = await this.#call("GET", `/tasks${query}`);
    // Only the query of the link counts: its host is the backend's idea of its own address, not the browser's.
    return { tasks: page.items, next: page.next ? new URL(page.next, "http://backend").search : null };
  }

  get(id) {
    return this.#call("GET", `/tasks/${id}`);
  }

  /** `key` makes a repeated attempt safe: the backend answers with the task that the first one made. */
  create(fields, key) {
    return this.#call("POST", "/tasks", { body: fields, headers: { "Idempotency-Key": key } });
  }

  /** Fails with status 412 when the task is no longer at `version`. */
  update(id, version, changes) {
    return this.#call("PATCH", `/tasks/${id}`, { body: changes, headers: { "If-Match": `"${version}"` } });
  }

  complete(id) {
    return this.#call("POST", `/tasks/${id}/complete`);
  }

  reopen(id) {
    return this.#call("POST", `/tasks/${id}/reopen`);
  }

  remove(id) {
    return this.#call("DELETE", `/tasks/${id}`);
  }

  /** What happened to a task, deleted ones included: {task_id, entries, complete}. */
  history(id) {
    return this.#call("GET", `/tasks/${id}/history`);
  }

  async #call(method, path, { body, headers = {} } = {}) {
    const request = { method, headers: { Accept: "application/json", ...headers }, signal: AbortSignal.timeout(TIMEOUT_MS) };
    if (body !== undefined) {
      request.body = JSON.stringify(body);
      request.headers["Content-Type"] = "application/json";
    }
    let response;
    let content;
    try {
      response = await fetch(this.#base + path, request);
      content = await response.text();
    } catch (error) {
      const why = error.name === "TimeoutError" ? "did not answer in time" : "cannot be reached";
      throw new ApiError(`The backend ${why}. Check your connection and try again.`);
    }
    if (!response.ok) {
      throw problem(response.status, parsed(content));
    }
    const answer = content ? parsed(content) : null;
    if (content && answer === null) {
      // Such as the page of a proxy, or of a network that wants a login.
      throw new ApiError("Something other than the backend answers at its address. Check your connection and try again.");
    }
    return answer;
  }
}

function parsed(content) {
  try {
    return JSON.parse(content);
  } catch {
    return null;
  }
}

/** An RFC 9457 problem as an ApiError. A body of another kind gives a sentence with the status alone. */
function problem(status, body) {
  const fields = new Map();
  for (const { field, message } of body?.errors ?? []) {
    fields.set(String(field).split(/[./]/).at(-1), sentence(message));
  }
  const text = body?.detail || body?.title;
  return new ApiError(text ? sentence(text) : `The backend answered with status ${status}.`, { status, fields });
}

function sentence(text) {
  const trimmed = String(text).trim();
  const start = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?…]$/.test(start) ? start : `${start}.`;
}
