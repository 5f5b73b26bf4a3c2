/* Keeps the number of waiting conflicts, the queue and the open conflict fresh.

   The server's events come as "planning-sync:event" on the document, if live/live.js is there and connected.
   Without them the page asks every few seconds, while it is looked at, whether the log has anything new. */

import "../conflicts/keys.js";

const ASK_EVERY_MS = 3000;
const GATHER_MS = 80;

let version = Number(document.body.dataset.version);
let connected = false;
let waiting = null;
let refreshing = false;
let again = false;

/** Ask what is new, and show it. Offline there is nothing to show: the next time will do. */
async function ask({ whatever = false } = {}) {
  try {
    const answer = await fetch(document.body.dataset.news, { headers: { Accept: "application/json" } });
    if (!answer.ok || answer.redirected) return;
    const news = await answer.json();
    count(news.waiting);
    if (whatever || news.version !== version) await refresh();
    version = news.version;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
}

function count(number) {
  for (const badge of document.querySelectorAll(".count[data-count]")) {
    badge.textContent = String(number);
    badge.dataset.count = String(number);
    badge.hidden = number === 0;
  }
  const title = document.title.replace(/^\(\d+\) /, "");
  document.title = number ? `(${number}) ${title}` : title;
}

/** The part of this page that shows conflicts, as the server shows it now. */
async function fragment() {
  const answer = await fetch(location.href, { headers: { "HX-Request": "true" } });
  if (!answer.ok || answer.redirected) return null;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return page.body.firstElementChild;
}

async function refresh() {
  if (refreshing) {
    again = true;
    return;
  }
  refreshing = true;
  try {
    do {
      again = false;
      const queue = document.querySelector("#queue");
      const conflict = document.querySelector("#conflict");
      if (queue) renewQueue(await fragment());
      else if (conflict) renewConflict(await fragment());
    } while (again);
  } finally {
    refreshing = false;
  }
}

/** What is chosen stays chosen, and the focus stays where it is, or goes to the row that took its place. */
function renewQueue(fresh) {
  const old = document.querySelector("#queue");
  if (!fresh || !old || fresh.id !== "queue" || fresh.innerHTML === old.innerHTML) return;
  const chosen = [...old.querySelectorAll("[name=chosen]:checked")].map((box) => box.value);
  const act = old.querySelector("[name=act]")?.value;
  const all = old.querySelector("[name=all]")?.checked;
  const focus = document.activeElement?.id;
  const at = [...old.querySelectorAll("[data-row]")].findIndex((row) => row.contains(document.activeElement));
  old.replaceWith(fresh);
  for (const value of chosen) {
    const box = fresh.querySelector(`[name=chosen][value="${value}"]`);
    if (box) box.checked = true;
  }
  if (act && fresh.querySelector("[name=act]")) fresh.querySelector("[name=act]").value = act;
  if (all && fresh.querySelector("[name=all]")) fresh.querySelector("[name=all]").checked = true;
  const same = focus && document.getElementById(focus);
  if (same) same.focus();
  else if (at >= 0) {
    const rows = fresh.querySelectorAll("[data-row]");
    rows[Math.min(at, rows.length - 1)]?.querySelector("[data-open-row]")?.focus();
  }
}

/** Shown anew only when something about it changed; what was being typed stays. */
function renewConflict(fresh) {
  const old = document.querySelector("#conflict");
  if (!fresh || !old || fresh.id !== "conflict" || fresh.dataset.version === old.dataset.version) return;
  const typed = old.querySelector("#value");
  const value = typed && typed.value !== typed.defaultValue ? typed.value : null;
  const focus = document.activeElement?.id;
  old.replaceWith(fresh);
  const field = fresh.querySelector("#value");
  if (field && value !== null) field.value = value;
  if (focus) document.getElementById(focus)?.focus();
}

function onEvent(event) {
  const type = event.detail?.type ?? "";
  if (!type.startsWith("conflict.") && !type.startsWith("guard.") && type !== "reset") return;
  clearTimeout(waiting);
  waiting = setTimeout(() => ask({ whatever: true }), GATHER_MS);
}

document.addEventListener("planning-sync:event", onEvent);
document.addEventListener("planning-sync:connection", (event) => {
  connected = event.detail?.state === "online";
  if (connected) ask();
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) ask();
});

setInterval(() => {
  if (!document.hidden && !connected) ask();
}, ASK_EVERY_MS);
