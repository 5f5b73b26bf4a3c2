// Items of the tree are moved by their grip, which stands beside the row that the pointer is on.

import { above, itemOf, may, moveTo } from "./plan-edit.js";
import { page } from "./plan-send.js";
import { tree } from "./plan-tree.js";

const INWARD_PX = 56;
let gripped = null;
let dragged = null;
let aim = null;

const grip = document.createElement("span");
grip.className = "grip";
grip.draggable = true;
grip.ariaHidden = "true";

/** The grip stands beside the row, not in it, so that a row is what the server made it. */
function take(row) {
  gripped = itemOf(row);
  const [outer, inner] = [tree.getBoundingClientRect(), row.getBoundingClientRect()];
  grip.style.top = `${inner.top - outer.top}px`;
  grip.style.left = `${inner.left - outer.left}px`;
  grip.style.height = `${inner.height}px`;
  if (!grip.isConnected) tree.append(grip);
}

function over(event) {
  const item = dragged && itemOf(event.target);
  unmark();
  if (!item || dragged.contains(item)) return;
  aim = aimAt(item, event);
  if (!aim) return;
  aim.item.dataset.drop = aim.how;
  event.preventDefault();
}

/** Where it would come to stand: before or after an item of its kind, or as one below it. */
function aimAt(item, event) {
  const row = item.firstElementChild.getBoundingClientRect();
  const task = dragged.matches("li");
  if (task && item.matches("details")) return { item, how: "below" };
  if (!task && item.matches("li")) return null;
  if (event.clientX > row.left + INWARD_PX && event.clientY > row.top + row.height / 2) return { item, how: "below" };
  return { item, how: event.clientY < row.top + row.height / 2 ? "before" : "after" };
}

function unmark() {
  if (aim) delete aim.item.dataset.drop;
  aim = null;
}

const isSame = (element) => element && element.localName === dragged.localName && element.id;

function drop() {
  const { item, how } = aim;
  const home = item.matches("details") && dragged.matches("li") ? item.querySelector(":scope > .below") : item;
  if (how === "below") {
    const inside = item.matches("details") ? item.querySelector(":scope > .below") : home;
    const list = dragged.matches("li") ? inside.querySelector(":scope > ul.tasks") : inside;
    const last = list ? [...list.children].filter((each) => isSame(each) && each !== dragged).at(-1) : null;
    const [carried, target] = [dragged, list];
    moveTo(dragged, item, last ?? null, () => target?.append(carried));
    return;
  }
  let before = item;
  if (how === "before") {
    before = item.previousElementSibling;
    while (before && (!isSame(before) || before === dragged)) before = before.previousElementSibling;
  }
  const carried = dragged;
  moveTo(dragged, above(item) ?? null, before, () => (how === "before" ? item.before(carried) : item.after(carried)));
}

if (tree && may("mayChange")) {
  grip.title = page.dataset.grip;
  tree.addEventListener("pointerover", ({ target, buttons }) => {
    const row = target.closest(".row, summary");
    // A quick pull comes to the next row before it counts as a drag.
    if (row && !buttons && itemOf(row) !== gripped) take(row);
  });
  tree.addEventListener("dragstart", (event) => {
    if (event.target !== grip) return;
    dragged = gripped;
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setDragImage(dragged.firstElementChild, 12, 12);
  });
  tree.addEventListener("dragover", over);
  tree.addEventListener("drop", (event) => {
    if (!dragged || !aim) return;
    event.preventDefault();
    drop();
  });
  tree.addEventListener("dragend", () => {
    unmark();
    dragged = gripped = null;
    grip.remove();
  });
}
