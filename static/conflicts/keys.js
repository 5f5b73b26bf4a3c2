/* The keys of the conflicts' screens. Whatever a key does, an element on the page does too: it is marked by
   data-key, and pressing the key presses it. */

const TYPING = "input:not([type=checkbox]), select, textarea, [contenteditable]";

function find(name) {
  return document.querySelector(`[data-key="${name}"]:not([disabled])`);
}

function press(element) {
  if (element instanceof HTMLFormElement) element.requestSubmit();
  else element.click();
}

/** A critical decision takes two keys: the number goes to its button, Enter presses it. */
function decide(element) {
  const screen = element.closest("[data-severity]");
  if (screen && screen.dataset.severity === "critical") element.focus();
  else element.click();
}

function rows() {
  return [...document.querySelectorAll("[data-row]")];
}

function current() {
  return rows().findIndex((row) => row.contains(document.activeElement));
}

/** Step through the queue; where there is none, to the conflict before or after. */
function step(by) {
  const all = rows();
  if (!all.length) {
    const link = find(by > 0 ? "next" : "previous");
    if (link) link.click();
    return;
  }
  const at = current();
  const next = at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1);
  const link = all[next].querySelector("[data-open-row]");
  link.focus();
  link.scrollIntoView({ block: "nearest" });
}

function choose() {
  const row = rows()[current()];
  const box = row && row.querySelector("[name=chosen]");
  if (box) box.checked = !box.checked;
}

/** In the queue, `a` and `p` are for what is chosen there, or else for the row that has the focus. */
function many(act) {
  const select = document.querySelector("select[name=act]");
  if (!select || !rows().length) return false;
  if (!document.querySelector("[name=chosen]:checked, [name=all]:checked")) choose();
  if (!document.querySelector("[name=chosen]:checked, [name=all]:checked")) return true;
  select.value = act;
  select.form.requestSubmit();
  return true;
}

function help() {
  const dialog = document.querySelector("#keys");
  if (!dialog) return;
  if (dialog.open) dialog.close();
  else dialog.showModal();
}

const KEYS = {
  j: () => step(1),
  k: () => step(-1),
  x: choose,
  "?": help,
  u: () => find("undo") && press(find("undo")),
  v: () => {
    const field = find("value");
    if (field) field.focus();
    if (field && field.select) field.select();
  },
  a: () => many("assign_me") || (find("a") && press(find("a"))),
  p: () => many("postpone_day") || (find("p") && press(find("p"))),
};

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.target instanceof Element && event.target.closest(TYPING)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (document.querySelector("dialog[open]") && event.key !== "?") return;
  const button = /^[1-9]$/.test(event.key) && find(event.key);
  if (button) decide(button);
  else if (Object.hasOwn(KEYS, event.key)) KEYS[event.key]();
  else return;
  event.preventDefault();
}

document.addEventListener("keydown", onKey);
const button = document.querySelector("#show-keys");
if (button) {
  button.hidden = false;
  button.addEventListener("click", help);
}
