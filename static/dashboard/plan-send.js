// Edits on their way: `act` shows one at once, sends it, and tells what became of it.
//
// An item has `data-state` meanwhile: "saving", then "saved" (in the hub), then "written" (to the file, as the
// head of the page says) or "held" (the file has no way of saying it); or "refused". CSS shows the `data-note` of what has the class .row.

import { toast } from "./shell.js";

export const page = document.querySelector("#plan-page");
export const head = () => document.querySelector("#plan-head");

const TELL_MS = 3500;
const AGAIN_MS = [300, 1000, 3000, 8000];

let line = Promise.resolve();
let refresh = async () => {};

/** How this view is brought up to date. */
export function refreshBy(how) {
  refresh = how;
}

export const renewed = () => refresh();

function token() {
  return document.querySelector("#tick [name=csrfmiddlewaretoken]").value;
}

async function send(action, data) {
  const body = data instanceof FormData ? data : new URLSearchParams(data);
  const headers = { Accept: "application/json", "X-CSRFToken": token() };
  try {
    const answer = await fetch(action, { method: "POST", body, headers });
    if (answer.headers.get("Content-Type")?.startsWith("application/json")) return await answer.json();
    if (answer.ok && !answer.redirected) return { saved: true };
    return { saved: false, problem: `${page.dataset.refused}: ${answer.status} ${answer.statusText}` };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return { saved: false, problem: page.dataset.offline };
  }
}

/** One after the other, in the order in which they were made. */
export function post(action, data) {
  const mine = line.then(() => send(action, data));
  line = mine;
  return mine;
}

/** `told` is for who tells of a refusal by other means than a toast. */
export function act(item, { action, data, show = () => {}, hide = () => {}, told = null }) {
  note(item.id, "saving");
  show();
  return post(action, data).then(async (answer) => {
    note(item.id, answer.saved ? "saved" : "refused", answer.revision);
    if (!answer.saved) {
      hide();
      if (told) told(answer);
      else toast(answer.problem, { kind: "bad" });
    }
    await refresh();
    settle();
    return answer;
  });
}

// ---------------------------------------------------------------------------------------- how far they are

const states = new Map(); // by the id of the item, which may be drawn anew
const timers = new Map();

function note(id, state, revision = 0) {
  clearTimeout(timers.get(id));
  states.set(id, { state, revision });
  showNotes();
  if (["written", "held", "refused"].includes(state)) forget(id);
}

function forget(id) {
  clearTimeout(timers.get(id));
  timers.set(
    id,
    setTimeout(() => {
      states.delete(id);
      const item = document.getElementById(id);
      if (item) showNote(item, "");
    }, TELL_MS),
  );
}

function showNote(item, state) {
  item.dataset.state = state;
  const shown = item.querySelector(":scope > .row, :scope > summary, :scope > .card-foot");
  if (state) shown.dataset.note = page.dataset[state];
  else delete shown.dataset.note;
}

/** Say of each item how far its edit is, also on what was drawn anew. */
export function showNotes() {
  for (const [id, { state }] of states) {
    const item = document.getElementById(id);
    if (item) showNote(item, state);
  }
}

/** What is in the hub, and meanwhile in the file as well, is said to be so. */
export function settle(attempt = 0) {
  const { written, revision, held } = head().dataset;
  const end = (id) => (held.split(" ").includes(id.slice(2)) ? "held" : "written");
  const waiting = [...states].filter(([, each]) => each.state === "saved");
  const known = waiting.filter(([, each]) => each.revision <= Number(revision)); // the head may be older
  if (written === "yes") for (const [id] of known) note(id, end(id));
  else if (written === "none") for (const [id] of known) forget(id);
  if (written !== "none" && waiting.length > (written === "yes" ? known.length : 0)) again(attempt);
}

function again(attempt) {
  if (attempt < AGAIN_MS.length) setTimeout(() => refresh().then(() => settle(attempt + 1)), AGAIN_MS[attempt]);
}

document.addEventListener("planning-sync:renewed", () => {
  showNotes();
  settle();
});
