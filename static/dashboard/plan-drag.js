// Items of the tree are moved by their grip, by mouse, pen or finger. It stands beside the row that was pointed at.

import { above, itemOf, may, moveTo } from "./plan-edit.js";
import { page } from "./plan-send.js";
import { beside, tree } from "./plan-tree.js";

const INWARD_PX = 56;
const EDGE_PX = 64;
const SCROLL_PX = 14;
let gripped = null;
let dragged = null;
let aim = null;
let pointer = null;

const grip = document.createElement("span");
grip.className = "grip";
grip.ariaHidden = "true";
const touched = matchMedia("(hover: none)");

/** The grip stands beside the row, not in it, so that a row is what the server made it. */
function take(row) {
  gripped = itemOf(row);
  if (!grip.isConnected) tree.append(grip);
  const [outer, inner] = [tree.getBoundingClientRect(), row.getBoundingClientRect()];
  const left = touched.matches ? inner.right - grip.offsetWidth : inner.left;
  grip.style.top = `${inner.top - outer.top}px`;
  grip.style.left = `${left - outer.left}px`;
  grip.style.height = `${inner.height}px`;
}

/** Where it would come to stand: before or after an item of its kind, or as one below it. */
function aimAt({ x, y }) {
  const item = itemOf(document.elementFromPoint(x, y));
  if (!item || !tree.contains(item) || dragged.contains(item)) return null;
  const row = item.firstElementChild.getBoundingClientRect();
  const task = dragged.matches("li");
  if (task && item.matches("details")) return { item, how: "below" };
  if (!task && item.matches("li")) return null;
  if (x > row.left + INWARD_PX && y > row.top + row.height / 2) return { item, how: "below" };
  return { item, how: y < row.top + row.height / 2 ? "before" : "after" };
}

function over() {
  if (aim) delete aim.item.dataset.drop;
  aim = aimAt(pointer);
  if (aim) aim.item.dataset.drop = aim.how;
}

/** The page goes on below what is held at its edge. */
function scroll() {
  if (!dragged) return;
  const by = pointer.y < EDGE_PX ? -SCROLL_PX : pointer.y > innerHeight - EDGE_PX ? SCROLL_PX : 0;
  if (by) {
    scrollBy(0, by);
    over();
  }
  requestAnimationFrame(scroll);
}

function drop({ item, how }) {
  const carried = dragged;
  if (how === "below") {
    const inside = item.matches("details") ? item.querySelector(":scope > .below") : item;
    const siblings = [...inside.querySelectorAll(carried.matches("li") ? ":scope > ul.tasks > li[id]" : ":scope > details")];
    const last = siblings.filter((each) => each !== carried).at(-1) ?? null;
    moveTo(carried, item, last, () => last?.after(carried));
    return;
  }
  let before = item;
  if (how === "before") {
    before = beside(item, "previous");
    if (before === carried) before = beside(before, "previous");
  }
  moveTo(carried, above(item) ?? null, before, () => (how === "before" ? item.before(carried) : item.after(carried)));
}

function begin(event) {
  if (event.button || !gripped) return;
  event.preventDefault();
  grip.setPointerCapture(event.pointerId);
  dragged = gripped;
  dragged.classList.add("dragged");
  pointer = event;
  scroll();
}

function end() {
  if (aim) delete aim.item.dataset.drop;
  dragged?.classList.remove("dragged");
  dragged = gripped = aim = null;
  grip.remove();
}

if (tree && may("mayChange")) {
  grip.title = page.dataset.grip;
  const point = ({ target, buttons }) => {
    const row = target.closest(".row, summary");
    // A quick pull comes to the next row before it counts as a drag.
    if (row && !dragged && !buttons && itemOf(row) !== gripped) take(row);
  };
  tree.addEventListener("pointerover", (event) => event.pointerType === "touch" || point(event));
  // A finger that scrolls points at nothing.
  tree.addEventListener("click", (event) => event.pointerType === "touch" && point(event));
  grip.addEventListener("pointerdown", begin);
  grip.addEventListener("pointermove", (event) => {
    if (!dragged) return;
    pointer = event;
    over();
  });
  grip.addEventListener("pointerup", () => {
    if (dragged && aim) drop(aim);
    end();
  });
  grip.addEventListener("lostpointercapture", end);
  document.addEventListener("keydown", ({ key }) => key === "Escape" && dragged && end());
}
