// The tree of a plan, kept up to date without loading it again, and what is folded in it.
//
// The server is asked for what changed since the entry of the log that this page knows. Its answer is the same
// page, in which an element that stays as it is has its id, `data-same`, and nothing else; one with `data-rest`
// stands for all others of a list whose order is the same. `merge` makes this tree that one: elements keep
// their identity, so that the focus, open editors and the scroll position stay.
//
// A long list of tasks comes in parts, that is in several <ul> one after the other. Where a part ends means
// nothing, and does not change here.

import { page, refreshBy, settle, showNotes } from "./plan-send.js";

export const tree = document.querySelector("#tree");

const GATHER_MS = 40;
const FOLDS_MOST = 150;
const FILL_AT_ONCE = 300;
const FOLD_AT_ONCE = 12;
const KEPT_SECONDS = 365 * 24 * 3600;

let line = Promise.resolve();
let waiting = null;

/** What is to be painted and answered comes first. */
const pause = () => new Promise((done) => setTimeout(done));

// ------------------------------------------------------------------------------------------------- renewal

/** Show what changed; with `open` also what stands in those phases. Whether that could be done. */
export function refresh({ open = "" } = {}) {
  if (!open && waiting) return waiting; // it has not been asked for yet, and will have all there is
  const mine = line.then(() => {
    if (mine === waiting) waiting = null;
    return renew({ open });
  });
  if (!open) waiting = mine;
  line = mine.catch(() => {});
  return mine;
}

async function renew({ open = "", whole = false }) {
  const text = await fetched(open, whole);
  if (text === null) return false;
  const fresh = new DOMParser().parseFromString(text, "text/html");
  if (open) await pause();
  for (const id of ["plan-head", "plan-notes"]) exchange(id, fresh);
  const told = fresh.querySelector("#tree");
  const known = merge(told, { quiet: Boolean(open) });
  tree.dataset.version = told.dataset.version;
  document.querySelector("#plan-page > .empty")?.remove();
  return known || whole || renew({ whole: true });
}

async function fetched(open, whole) {
  const address = new URL(page.dataset.at, location.href);
  if (!whole) address.searchParams.set("since", tree.dataset.version);
  if (open) address.searchParams.set("open", open);
  try {
    const answer = await fetch(address, { headers: { "X-Region": "1" } });
    if (answer.status === 404) location.reload();
    if (!answer.ok || answer.redirected) return null;
    return await answer.text();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return null; // offline: what comes after the connection is back will do
  }
}

function exchange(id, fresh) {
  const [old, next] = [document.getElementById(id), fresh.getElementById(id)];
  if (!old || !next || old.outerHTML === next.outerHTML) return;
  const focus = old.contains(document.activeElement) && document.activeElement.getAttribute("href");
  old.replaceWith(next);
  if (focus) next.querySelector(`[href="${CSS.escape(focus)}"]`)?.focus();
}

// --------------------------------------------------------------------------------------------------- merge

const isItem = (element) => element.id.startsWith("i-");
const ASIDE = {
  next: ["nextElementSibling", "firstElementChild"],
  previous: ["previousElementSibling", "lastElementChild"],
};

/** The item that comes next, or previous, in the same list; null at its end. */
export function beside(item, way) {
  const [step, end] = ASIDE[way];
  let at = item;
  do {
    let part = at.parentElement;
    at = at[step];
    while (!at && part.matches("ul.tasks") && part[step]?.matches("ul.tasks")) {
      part = part[step];
      at = part[end];
    }
  } while (at && !isItem(at));
  return at;
}

const itemsIn = (home, name) => [...home.querySelectorAll(name === "li" ? ":scope > ul.tasks > li" : ":scope > details")];

/** The list of tasks of an item, or of the plan, to which one more can be added; made where there is none. */
export function listIn(home) {
  const parts = home.querySelectorAll(":scope > ul.tasks");
  if (parts.length) return parts[parts.length - 1];
  const list = document.createElement("ul");
  list.className = "tasks";
  home.insertBefore(list, home.querySelector(":scope > details"));
  return list;
}

/** False where the answer rests on something that this page does not have. */
function merge(fresh, { quiet }) {
  const focused = document.activeElement;
  const way = tree.contains(focused) && focused.closest("[id^=i-]");
  const what = way && (focused.matches(".box") ? ".box" : focused.matches("summary") ? "summary" : ".words");
  const ids = new Set([...fresh.querySelectorAll("[id^=i-]")].map((each) => each.id));
  const step = { ids, quiet, known: true };
  mergeInside(tree, fresh, step);
  if (way && !focused.closest(".editor, .adder") && document.activeElement !== focused) {
    const there = focused.isConnected ? focused : way.isConnected && way.querySelector(what);
    if (there) there.focus({ preventScroll: true });
  }
  showNotes();
  return step.known;
}

function mergeInside(old, fresh, step) {
  mergeItems(old, itemsIn(fresh, "li"), step, "li");
  mergeItems(old, itemsIn(fresh, "details"), step, "details");
}

function mergeItems(home, wanted, step, name) {
  const all = !wanted.some((next) => "rest" in next.dataset);
  let before = null;
  let follows = all ? (itemsIn(home, name).find(isItem) ?? null) : null;
  for (const next of wanted.filter(isItem)) {
    const mine = document.getElementById(next.id) ?? (all ? made(next, step) : null);
    if (!mine) {
      step.known = false;
      continue;
    }
    if (all && follows !== mine) put(mine, { home, name, before, follows });
    mergeItem(mine, next, step);
    before = mine;
    follows = all ? beside(mine, "next") : null;
  }
  while (follows) {
    const gone = follows;
    follows = beside(gone, "next");
    if (step.ids.has(gone.id)) continue; // elsewhere by now, or soon
    const part = gone.parentElement;
    gone.remove();
    if (part.matches("ul.tasks") && !part.children.length) part.remove();
  }
}

function put(item, { home, name, before, follows }) {
  if (follows) follows.before(item);
  else if (before) before.after(item);
  else (name === "li" ? listIn(home) : home).append(item);
}

const OURS = ' type="button"></button>';

/** The row to be put in. A button that submits makes the browser look through all others of the form, each time. */
function imported(row) {
  const own = document.importNode(row, true);
  const box = own.querySelector(":scope > .box");
  if (box) box.type = "button";
  return own;
}

const isSame = (row, next) => row.outerHTML.replace(OURS, "></button>") === next.outerHTML;

/** A new item, without what stands below it. */
function made(next, { quiet }) {
  if ("same" in next.dataset) return null;
  const mine = document.importNode(next, false);
  mine.append(imported(next.firstElementChild));
  if (mine.localName === "details") {
    const below = document.importNode(next.querySelector(":scope > .below"), false);
    const tools = next.querySelector(":scope > .below > .tools");
    if (tools) below.append(document.importNode(tools, true));
    mine.append(below);
    delete mine.dataset.lazy;
  }
  if (!quiet) mine.classList.add("news");
  return mine;
}

function mergeItem(mine, next, step) {
  if ("same" in next.dataset) return;
  const row = mine.firstElementChild;
  delete row.dataset.note;
  if (!isSame(row, next.firstElementChild)) {
    row.replaceWith(imported(next.firstElementChild));
    if (!mine.dataset.state) flash(mine);
    mine.dispatchEvent(new CustomEvent("plan:changed", { bubbles: true }));
  }
  if (mine.localName === "li") {
    mine.className = `${next.className}${mine.classList.contains("news") ? " news" : ""}`;
    mergeItems(mine, itemsIn(next, "li"), step, "li");
    return;
  }
  mine.className = next.className;
  if (!("lazy" in mine.dataset)) {
    mergeInside(mine.querySelector(":scope > .below"), next.querySelector(":scope > .below"), step);
  }
}

function flash(item) {
  item.classList.remove("news");
  requestAnimationFrame(() => item.classList.add("news"));
}

// --------------------------------------------------------------------------------------------------- folds

function folds() {
  const told = document.cookie.match(/(?:^|; )folds=([^;]*)/)?.[1] ?? "";
  const [shut, open] = told.split("~").map((each) => each.split(".").filter(Boolean));
  return { shut: new Set(shut), open: new Set(open) };
}

function remember(details, open) {
  const known = folds();
  for (const each of details) {
    const name = each.id.slice(-8);
    for (const kept of [known.shut, known.open]) kept.delete(name);
    (open ? known.open : known.shut).add(name);
  }
  const [shut, opened] = [known.shut, known.open].map((each) => [...each].slice(-FOLDS_MOST).join("."));
  const path = new URL(page.dataset.at, location.href).pathname;
  document.cookie = `folds=${shut}~${opened}; path=${path}; max-age=${KEPT_SECONDS}; samesite=lax`;
}

/** Fetch what was left out of folded phases. */
async function fill(...lazy) {
  const counts = lazy.map((details) => details.dataset.lazy);
  for (const details of lazy) {
    delete details.dataset.lazy;
    details.querySelector(":scope > .below > .lazy")?.classList.add("loading");
  }
  const filled = await refresh({ open: lazy.map((details) => details.id.slice(2)).join(".") });
  for (const [at, details] of lazy.entries()) {
    const link = details.querySelector(":scope > .below > .lazy");
    link?.classList.remove("loading");
    if (filled) link?.remove();
    else details.dataset.lazy = counts[at];
  }
}

/** So many of them that about `FILL_AT_ONCE` items come in. */
function helping(lazy) {
  let items = 0;
  return lazy.filter((details, at) => {
    const room = !at || items < FILL_AT_ONCE;
    if (room) items += Number(details.dataset.lazy);
    return room;
  });
}

export async function fold(details, open = !details.open) {
  details.open = open;
  remember([details], open);
  if (open && "lazy" in details.dataset) await fill(details);
}

let foldings = 0;

/** A few at a time, so that the page goes on answering; the next call ends this one. */
async function foldAll(open) {
  foldings += 1;
  const mine = foldings;
  const all = [...tree.querySelectorAll("details.phase")];
  remember(all, open);
  for (let at = 0; at < all.length && mine === foldings; at += FOLD_AT_ONCE) {
    for (const each of all.slice(at, at + FOLD_AT_ONCE)) each.open = open;
    await pause();
  }
  if (!open) return;
  let lazy = all;
  while (mine === foldings && lazy.length) {
    lazy = lazy.filter((details) => "lazy" in details.dataset);
    if (lazy.length) await fill(...helping(lazy));
  }
}

// --------------------------------------------------------------------------------------------------- start

let gathering = null;

function hear({ detail }) {
  if (detail.type !== "reset" && detail.plan !== page.dataset.plan) return;
  clearTimeout(gathering);
  gathering = setTimeout(async () => {
    await refresh();
    settle();
  }, GATHER_MS);
}

if (tree) {
  refreshBy(refresh);
  document.addEventListener("planning-sync:event", hear);
  tree.addEventListener("click", (event) => {
    const summary = event.target.closest("summary");
    const lazy = event.target.closest(".lazy a");
    if (summary && !event.target.closest("a, .editor")) {
      event.preventDefault();
      fold(summary.parentElement);
    } else if (lazy) {
      event.preventDefault();
      fold(lazy.closest("details"), true);
    }
  });
  for (const button of document.querySelectorAll("[data-fold]")) {
    button.addEventListener("click", () => foldAll(button.dataset.fold === "none"));
  }
  for (const hidden of document.querySelectorAll(".plan-bar [hidden]")) hidden.hidden = false;
  if (location.hash.startsWith("#i-") && !document.getElementById(location.hash.slice(1))) {
    const address = new URL(page.dataset.at, location.href);
    if (!new URLSearchParams(location.search).has("open")) {
      location.replace(`${address.pathname}?open=${location.hash.slice(3)}${location.hash}`);
    }
  }
}
