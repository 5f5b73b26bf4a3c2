// Regions: the parts of a page that are shown anew without loading it.
//
//   <div id="activity" data-region="plan sync">     anew when an event whose type begins so comes, or a reset
//   <form method="get" data-swift="results">        what is typed there is asked for at once; the address of
//                                                   the page follows, and the regions named are shown anew
//
// The server makes the same page for everybody: a region is cut out of it by its id. What is the same stays
// untouched, and the focus and what was folded open stay where they are.

const GATHER_MS = 120;
const REST_MS = 800;
const TYPING_MS = 160;

let running = null;

/** Ask for the page at `address`, and put in the regions of it (all, or those with an id in `ids`). */
export async function renew(address = location.href, ids = null) {
  running?.abort();
  const mine = new AbortController();
  running = mine;
  try {
    const answer = await fetch(address, { signal: mine.signal });
    if (!answer.ok || answer.redirected) return false;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const old of document.querySelectorAll("[data-region]")) {
      if (ids && !ids.includes(old.id)) continue;
      const fresh = page.getElementById(old.id);
      if (fresh && fresh.innerHTML !== old.innerHTML) exchange(old, fresh);
    }
    document.dispatchEvent(new CustomEvent("planning-sync:renewed"));
    return true;
  } catch (error) {
    if (error.name !== "AbortError" && !(error instanceof TypeError)) throw error; // offline: the next will do
    return false;
  } finally {
    if (running === mine) running = null;
  }
}

function exchange(old, fresh) {
  const focus = old.contains(document.activeElement) ? way(document.activeElement) : null;
  const open = [...old.querySelectorAll("details[id][open]")].map((each) => each.id);
  old.replaceWith(fresh);
  for (const id of open) fresh.querySelector(`#${CSS.escape(id)}`)?.setAttribute("open", "");
  if (focus) fresh.querySelector(focus)?.focus({ preventScroll: true });
}

/** How to find the same element again. */
function way(element) {
  for (const name of ["id", "href", "name"]) {
    const value = element.getAttribute(name);
    if (value) return `${element.localName}[${name}="${CSS.escape(value)}"]`;
  }
  return null;
}

// -------------------------------------------------------------------------------------- what the server tells

let waiting = null;
let restUntil = 0;

function concerned(type) {
  const asks = (each) => (each.dataset.region || "").split(" ").some((start) => start && type.startsWith(start));
  return [...document.querySelectorAll("[data-region]")].some(asks);
}

function later() {
  if (waiting !== null) return;
  const pause = Math.max(GATHER_MS, restUntil - Date.now());
  waiting = setTimeout(async () => {
    waiting = null;
    if (document.hidden) return; // asked for when it is looked at again
    await renew();
    restUntil = Date.now() + REST_MS;
  }, pause);
}

let missed = false;

document.addEventListener("planning-sync:event", ({ detail }) => {
  if (detail.type !== "reset" && !concerned(detail.type)) return;
  missed = document.hidden;
  later();
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && missed) later();
  missed = false;
});

// -------------------------------------------------------------------------------------- what a person types

let typing = null;

function ask(form) {
  const address = new URL(form.getAttribute("action") || location.pathname, location.href);
  address.search = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== "")).toString();
  history.replaceState(null, "", address);
  return renew(address.href, form.dataset.swift.split(" "));
}

document.addEventListener("input", ({ target }) => {
  const form = target.form?.closest("[data-swift]");
  if (!form) return;
  clearTimeout(typing);
  typing = setTimeout(() => ask(form), target.localName === "input" ? TYPING_MS : 0);
});
document.addEventListener("submit", (event) => {
  const form = event.target.closest?.("[data-swift]");
  if (!form) return;
  event.preventDefault();
  clearTimeout(typing);
  ask(form);
});
