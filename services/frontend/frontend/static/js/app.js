// Where the parts of the page meet.

import { Actions } from "./actions.js";
import { Api } from "./api.js";
import { todayHeading } from "./dates.js";
import { History } from "./history.js";
import { onKeys } from "./keys.js";
import { TaskList } from "./list.js";
import { Live } from "./live.js";
import { Loader } from "./loader.js";
import { announce } from "./notice.js";
import { TaskStore } from "./store.js";

const MINUTE_MS = 60_000;
const CONFIG_RETRY_MS = 3_000;
const STATE_WORDS = { live: "Live", connecting: "Connecting…", offline: "Offline" };
const HAPPENED = { created: "was added", updated: "was changed", completed: "was completed", deleted: "was deleted" };

const byId = (id) => document.getElementById(id);
const filter = byId("filter");
const statusFilter = byId("status-filter");
const statusInputs = [...statusFilter.querySelectorAll("input")];
const help = byId("help");

const config = await readConfig();
const api = new Api(config.backend_url);
const store = new TaskStore();
const history = new History(api);
const actions = new Actions(api, store, (task, { added = false } = {}) => {
  if (added) {
    showAll();
  }
  history.changed(task);
  render();
});
const list = new TaskList(store, {
  complete: (task) => actions.complete(task),
  reopen: (task) => actions.reopen(task),
  edit: (task) => actions.edit(task),
  history: (task) => history.open(task),
  delete: (task) => actions.remove(task),
});
const loader = new Loader(api, store, { onLoaded, onFailed });
const live = new Live(config.websocket_url, { onState, onMessage });
let loaded = false;

/** The browser-visible addresses of the services. */
async function readConfig() {
  for (;;) {
    const found = await fetch("/config.json")
      .then((response) => (response.ok ? response.json() : null))
      .catch(() => null);
    if (found) {
      return found;
    }
    onFailed("The server of this page does not answer.");
    await new Promise((resolve) => setTimeout(resolve, CONFIG_RETRY_MS));
  }
}

function render() {
  byId("today").textContent = todayHeading();
  if (loaded) {
    const words = filter.value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
    list.render({ status: statusInputs.find((input) => input.checked).value, words, more: loader.more });
  }
}

/** Undo the filters that would hide a task that the user just added. */
function showAll() {
  filter.value = "";
  if (statusInputs.find((input) => input.checked).value === "completed") {
    statusInputs[0].checked = true;
  }
}

function onLoaded() {
  loaded = true;
  byId("loading").hidden = true;
  byId("failure").hidden = true;
  byId("tasks").setAttribute("aria-busy", "false");
  render();
}

function onFailed(message) {
  byId("loading").hidden = true;
  const failure = byId("failure");
  const text = `The tasks could not be loaded. ${message}`;
  if (failure.hidden || failure.querySelector("p").textContent !== text) {
    failure.querySelector("p").textContent = text; // setting the same again would be read out again
    failure.hidden = false;
  }
}

function onState(state) {
  const connection = byId("connection");
  const before = connection.dataset.state;
  connection.dataset.state = state;
  byId("connection-text").textContent = STATE_WORDS[state];
  if (state === "live") {
    if (!byId("banner").hidden) {
      announce("Live updates are back.");
    }
    byId("banner").hidden = true;
    loader.load(); // what happened before the connection stood was not heard
  } else if (state === "offline") {
    if (before === "live") {
      announce("Live updates are interrupted.");
    }
    byId("banner").hidden = false;
  }
}

function onMessage({ type, task }) {
  const kind = type.split(".")[1];
  const changed = kind === "deleted" ? store.remove(task.id) : store.put(task);
  history.changed(task);
  if (changed) {
    render();
    if (!actions.isOwn(kind, task.id)) {
      list.flash(task.id);
      announce(`${task.title} ${HAPPENED[kind] ?? "was changed"}`);
    }
  }
}

function openHelp() {
  help.showModal();
}

statusFilter.addEventListener("change", render);
filter.addEventListener("input", render);
byId("retry-now").addEventListener("click", () => live.retryNow());
byId("reload").addEventListener("click", () => loader.load());
byId("help-open").addEventListener("click", openHelp);
for (const dialog of document.querySelectorAll("dialog")) {
  dialog.addEventListener("close", () => {
    if (document.activeElement === document.body) {
      byId("new-title").focus(); // what had the focus before the dialog is gone
    }
  });
}
for (const button of document.querySelectorAll("dialog [data-close]")) {
  button.addEventListener("click", () => button.closest("dialog").close());
}
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) {
    live.retryNow();
    loader.load(); // timers and sockets may have slept with the computer
  }
});
onKeys({ n: () => byId("new-title").focus(), "/": () => filter.focus(), "?": openHelp });
setInterval(render, MINUTE_MS); // "Today" and "Overdue" change with the clock

render();
loader.load();
live.retryNow();
