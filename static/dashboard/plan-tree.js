// The tree of a plan, kept up to date without loading it again, and what is folded in it.
//
// The server is asked for what changed since the entry of the log that this page knows. Its answer is the same
// page, in which an element that stays as it is has its id, `data-same`, and nothing else. `merge` makes this
// tree that one: elements keep their identity, so that the focus, open editors and the scroll position stay.

import { page, refreshBy, settle, showNotes } from "./plan-send.js";

export const tree = document.querySelector("#tree");

const GATHER_MS = 40;
const FOLDS_MOST = 150;
const FILL_AT_ONCE = 8;
const KEPT_SECONDS = 365 * 24 * 3600;

let line = Promise.resolve();
let waiting = null;

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
  const fresh = await fetched(open, whole);
  if (!fresh) return false;
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
    return new DOMParser().parseFromString(await answer.text(), "text/html");
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

function nextItem(element) {
  let at = element;
  while (at && !isItem(at)) at = at.nextElementSibling;
  return at;
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
  mergeList(old, fresh, step);
  mergeItems(old, [...fresh.children].filter((each) => each.localName === "details"), step, "details");
}

function mergeList(old, fresh, step) {
  const next = fresh.querySelector(":scope > ul.tasks");
  let mine = old.querySelector(":scope > ul.tasks");
  if (!next && !mine) return;
  if (!mine) {
    mine = document.createElement("ul");
    mine.className = "tasks";
    old.insertBefore(mine, old.querySelector(":scope > details"));
  }
  mergeItems(mine, next ? [...next.children] : [], step, "li");
  if (!next && !mine.children.length) mine.remove();
}

function mergeItems(parent, wanted, step, name) {
  let before = null;
  for (const next of wanted) {
    const mine = document.getElementById(next.id) ?? made(next, step);
    if (!mine) {
      step.known = false;
      continue;
    }
    const place = nextItem(before ? before.nextElementSibling : parent.querySelector(`:scope > ${name}`));
    if (place !== mine) parent.insertBefore(mine, place);
    mergeItem(mine, next, step);
    before = mine;
  }
  let rest = nextItem(before ? before.nextElementSibling : parent.querySelector(`:scope > ${name}`));
  while (rest) {
    const gone = rest;
    rest = nextItem(rest.nextElementSibling);
    if (!step.ids.has(gone.id)) gone.remove();
  }
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
    mergeList(mine, next, step);
  } else if (!("lazy" in mine.dataset)) {
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
async function fill(...folded) {
  const lazy = folded.filter((details) => "lazy" in details.dataset);
  if (!lazy.length) return;
  for (const details of lazy) {
    delete details.dataset.lazy;
    details.querySelector(":scope > .below > .lazy")?.classList.add("loading");
  }
  const filled = await refresh({ open: lazy.map((details) => details.id.slice(2)).join(".") });
  for (const details of lazy) {
    const link = details.querySelector(":scope > .below > .lazy");
    link?.classList.remove("loading");
    if (filled) link?.remove();
    else details.dataset.lazy = "";
  }
}

export async function fold(details, open = !details.open) {
  details.open = open;
  remember([details], open);
  if (open) await fill(details);
}

async function foldAll(open) {
  const all = [...tree.querySelectorAll("details.phase")];
  for (const each of all) each.open = open;
  remember(all, open);
  if (!open) return;
  for (let at = 0; at < all.length; at += FILL_AT_ONCE) await fill(...all.slice(at, at + FILL_AT_ONCE));
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
      fill(lazy.closest("details"));
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
