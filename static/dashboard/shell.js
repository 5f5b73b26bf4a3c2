// The frame of every page: keys, toasts of what happens, a lost connection, the theme.
//
// Events come from live/live.js. What is said of them stands, translated, in the <template>s of
// dashboard/_toasts.html. A page of its own keys gives them in {% block keys %}, as rows of the list of keys.

import "../conflicts/keys.js";
import "./swap.js";

const TYPING = "input:not([type=checkbox], [type=radio]), select, textarea, [contenteditable]";
const SEQUENCE_MS = 1200;
const TOAST_MS = 8000;
const TOASTS_MOST = 4;
const SAID_MS = 4000;

// ---------------------------------------------------------------------------------------------------- keys

const dialog = document.querySelector("#shell-keys");
let going = 0;

function listKeys() {
  const own = document.querySelector("#keys");
  if (own) {
    // The page has a list of its own, which keys.js opens: it gets the general ones as well.
    if (!own.querySelector(".shell-key")) own.querySelector("dl").append(...dialog.querySelectorAll(".shell-key"));
    return false;
  }
  if (dialog.open) dialog.close();
  else dialog.showModal();
  return true;
}

function go(key) {
  const place = document.querySelector(`[data-go="${CSS.escape(key)}"]`);
  place?.click();
  return Boolean(place);
}

function search() {
  const field = document.querySelector("main input[type=search]") ?? document.querySelector("#find");
  const menu = field?.closest("[popover]");
  if (menu && !field.checkVisibility()) menu.showPopover();
  field?.focus();
  field?.select();
  return Boolean(field);
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return false;
  if (event.target instanceof Element && event.target.closest(TYPING)) return false;
  const second = Date.now() - going < SEQUENCE_MS;
  going = 0;
  if (event.key === "?") return listKeys();
  if (document.querySelector("dialog[open]")) return false;
  if (second) return go(event.key);
  if (event.key === "g") {
    going = Date.now();
    return true;
  }
  return event.key === "/" && search();
}

// Before the keys of the page: the second letter after `g` is none of theirs.
document.addEventListener(
  "keydown",
  (event) => {
    if (!pressed(event)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  },
  { capture: true },
);

// -------------------------------------------------------------------------------------------------- toasts

const toasts = document.querySelector("#toasts");

function said(name) {
  return document.querySelector(`template[data-said="${name}"]`).content.cloneNode(true);
}

/** Show a text or an element in a corner; the same kind again is counted up rather than shown twice. */
export function toast(content, { kind = "", name = "" } = {}) {
  const known = name && toasts.querySelector(`[data-name="${CSS.escape(name)}"]`);
  if (known) return again(known);
  const box = document.createElement("div");
  box.className = `toast ${kind}`;
  box.dataset.name = name;
  const text = document.createElement("p");
  text.append(content);
  const close = document.createElement("button");
  close.type = "button";
  close.className = "close";
  close.setAttribute("aria-label", said("dismiss").textContent);
  close.textContent = "×";
  close.addEventListener("click", () => box.remove());
  box.append(text, close);
  toasts.append(box);
  while (toasts.children.length > TOASTS_MOST) toasts.firstElementChild.remove();
  fade(box);
  return box;
}

function again(box) {
  const count = Number(box.dataset.count ?? 1) + 1;
  box.dataset.count = String(count);
  let badge = box.querySelector(".times");
  if (!badge) {
    badge = document.createElement("span");
    badge.className = "times";
    box.querySelector("p").append(" ", badge);
  }
  badge.textContent = `×${count}`;
  fade(box);
  return box;
}

/** Gone after a while, but not while it is read. */
function fade(box) {
  clearTimeout(Number(box.dataset.timer));
  box.dataset.timer = setTimeout(() => {
    if (box.matches(":hover, :focus-within")) fade(box);
    else box.remove();
  }, TOAST_MS);
}

document.addEventListener("planning-sync:event", ({ detail }) => {
  const template = document.querySelector(`template[data-toast="${CSS.escape(detail.type)}"]`);
  if (!template || ("others" in template.dataset && detail.actor === document.body.dataset.user)) return;
  toast(template.content.cloneNode(true), { kind: template.dataset.kind, name: detail.type });
});

// ------------------------------------------------------------------------------- how far a running sync is

document.addEventListener("planning-sync:event", ({ detail }) => {
  if (detail.type !== "sync.progress") return;
  for (const bar of document.querySelectorAll(`progress[data-operation="${detail.operation}"]`)) {
    bar.max = detail.total;
    bar.value = detail.done;
    const text = bar.parentElement.querySelector("[data-far]");
    if (text) text.textContent = `${detail.done} / ${detail.total}`;
  }
});

// ---------------------------------------------------------------------------------------------- connection

const connection = document.querySelector("#connection");
let known = false; // where the server has no sockets, there is none to lose
let lost = false;

function tell(name) {
  connection.replaceChildren(...(name ? [said(name)] : []));
  connection.dataset.state = name;
}

function back() {
  tell("online");
  setTimeout(() => !lost && tell(""), SAID_MS);
}

document.addEventListener("planning-sync:connection", ({ detail }) => {
  document.documentElement.dataset.connection = detail.state;
  if (detail.reason === "signed-out") tell("signed-out");
  else if (detail.state === "offline") {
    lost = known;
    if (lost) tell("offline");
  } else {
    if (lost) back();
    known = true;
    lost = false;
  }
});

// --------------------------------------------------------------------------------------------------- theme

const themes = document.querySelector("[data-theme-switch]");

themes?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const chosen = event.submitter;
  const form = new FormData(themes);
  form.set("theme", chosen.value);
  await fetch(themes.action, { method: "POST", body: form, redirect: "manual" });
  if (chosen.value) document.documentElement.dataset.theme = chosen.value;
  else delete document.documentElement.dataset.theme;
  document.querySelector('meta[name="color-scheme"]').content = chosen.value || "light dark";
  for (const each of themes.querySelectorAll("button")) each.ariaPressed = String(each === chosen);
});
