// Live updates over a WebSocket that is opened again whenever it ends.

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 30_000;
const HELLO_WITHIN_MS = 10_000;
const STABLE_AFTER_MS = 5_000;

/**
 * `onState(state)` hears "connecting", "live" and "offline"; `onMessage(message)` every message after the server's
 * hello. Messages sent while there was no connection are lost: on "live", load what they would have told.
 */
export class Live {
  #url;
  #onState;
  #onMessage;
  #socket = null;
  #failures = 0;
  #timers = [];

  constructor(url, { onState, onMessage }) {
    this.#url = url;
    this.#onState = onState;
    this.#onMessage = onMessage;
    window.addEventListener("online", () => this.retryNow());
    window.addEventListener("offline", () => this.#lost());
  }

  /** Connect, unless connected or connecting. */
  retryNow() {
    if (this.#socket === null) {
      this.#open();
    }
  }

  #open() {
    this.#clearTimers();
    this.#onState("connecting");
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    // A server that accepts and says nothing would otherwise look like one that is about to.
    this.#later(HELLO_WITHIN_MS, () => this.#lost());
    socket.addEventListener("message", ({ data }) => socket === this.#socket && this.#receive(data));
    socket.addEventListener("close", () => socket === this.#socket && this.#lost());
  }

  #receive(data) {
    const message = JSON.parse(data);
    if (message.type !== "hello") {
      this.#onMessage(message);
      return;
    }
    this.#clearTimers();
    // Only a connection that lasts clears the count, so that one that is closed at once is not retried in a loop.
    this.#later(STABLE_AFTER_MS, () => (this.#failures = 0));
    this.#onState("live");
  }

  #lost() {
    const socket = this.#socket;
    this.#socket = null; // first: close() below must not come back here
    socket?.close();
    this.#clearTimers();
    this.#onState("offline");
    // Half fixed, half random: when the server restarts, its browsers do not all come back in the same instant.
    const delay = Math.min(FIRST_RETRY_MS * 2 ** this.#failures, LONGEST_RETRY_MS);
    this.#failures += 1;
    this.#later(delay / 2 + (Math.random() * delay) / 2, () => this.retryNow());
  }

  #later(ms, action) {
    this.#timers.push(setTimeout(action, ms));
  }

  #clearTimers() {
    this.#timers.splice(0).forEach(clearTimeout);
  }
}
