// The keys of the tree and of the board. Whatever a key does, something on the page does too.

import { above, add, edit, focusOn, isOpening, itemOf, moveBy, remove, takeBack, tick } from "./plan-edit.js";
import { fold, tree } from "./plan-tree.js";

const TYPING = "input:not([type=checkbox]), select, textarea, [contenteditable]";
const place = () => tree ?? document.querySelector("#board"); // the board is drawn anew
const STOPS = tree ? ".words, summary" : ".words";
const WAYS = { ArrowUp: "up", ArrowDown: "down", ArrowLeft: "out", ArrowRight: "in" };

function isShown(stop) {
  const home = stop.matches("summary") ? stop.parentElement.parentElement : stop;
  return !home.closest("details:not([open])");
}

function step(by) {
  const stops = [...document.querySelectorAll(`#${place().id} :is(${STOPS})`)];
  const here = itemOf(document.activeElement);
  let at = here ? stops.findIndex((stop) => itemOf(stop) === here) + by : by > 0 ? 0 : stops.length - 1;
  while (stops[at] && !isShown(stops[at])) at += by;
  if (stops[at]) focusOn(itemOf(stops[at]));
}

function open(item) {
  const link = item.querySelector(":scope > .row > .words, :scope > .words, .tools > .edit");
  if (link) location.href = link.href;
}

/** After a task, below its own parent; in a phase, as its last task. */
function addNear(item) {
  if (!item) add(null);
  else if (item.matches("details")) add(item);
  else add(above(item) ?? null, item);
}

const KEYS = {
  j: () => step(1),
  k: () => step(-1),
  x: tick,
  " ": tick,
  e: edit,
  a: addNear,
  s: (item) => item && add(item),
  f: (item) => item && fold(item.closest("details")),
  u: () => takeBack(),
  Delete: remove,
};

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.isComposing || document.querySelector("dialog[open]")) return;
  if (event.target instanceof Element && event.target.closest(TYPING)) return;
  if (isOpening()) {
    event.preventDefault();
    return;
  }
  const item = itemOf(document.activeElement);
  const inside = item && place().contains(item);
  if (event.altKey) {
    if (!inside || !(event.key in WAYS)) return;
    if (tree) moveBy(item, WAYS[event.key]);
    else item.querySelector({ ArrowLeft: ".to-left", ArrowRight: ".to-right" }[event.key] ?? "none")?.click();
  } else if (event.key === "Enter" && inside && event.target.matches(".words")) open(item);
  else if (Object.hasOwn(KEYS, event.key) && (tree || "jk".includes(event.key))) {
    // A focused button or summary keeps its own space; outside of the tree the key scrolls.
    if (event.key === " " && (!inside || !event.target.matches(".words"))) return;
    KEYS[event.key](inside ? item : null);
  } else return;
  event.preventDefault();
}

if (place()) document.addEventListener("keydown", onKey);
