// Cards of the board go to another column by drag or by their buttons, and are there at once.

import { act, refreshBy } from "./plan-send.js";
import { renew } from "./swap.js";

const board = () => document.querySelector("#board");
let dragged = null;

function put(card, column, value) {
  const [home, next, was] = [card.parentElement, card.nextElementSibling, card.className];
  const focus = card.contains(document.activeElement);
  act(card, {
    action: document.querySelector("#tick").action,
    data: { [column.dataset.status]: value },
    show: () => {
      column.querySelector(".cards-list").prepend(card);
      card.className = `board-card ${column.dataset.status}`;
      if (focus) card.querySelector(".words").focus();
    },
    hide: () => {
      home.insertBefore(card, next);
      card.className = was;
    },
  });
}

function columnOf(status) {
  return board().querySelector(`.column[data-status="${CSS.escape(status)}"]`);
}

function over(event) {
  const column = dragged && event.target.closest(".column");
  for (const each of board().querySelectorAll(".column.over")) if (each !== column) each.classList.remove("over");
  if (!column || column.contains(dragged)) return;
  column.classList.add("over");
  event.preventDefault();
}

if (board()) {
  // The board is drawn anew as a whole, so nothing is bound to its elements.
  refreshBy(() => renew());
  document.addEventListener("click", (event) => {
    const button = event.target.closest(".card-moves button");
    if (!button) return;
    event.preventDefault();
    put(button.closest(".board-card"), columnOf(button.name), button.value);
  });
  document.addEventListener("pointerdown", ({ target }) => {
    const card = target.closest(".board-card");
    if (card && "mayChange" in board().dataset) card.draggable = true;
  });
  document.addEventListener("dragstart", (event) => {
    dragged = event.target.closest?.(".board-card") ?? null;
    if (dragged) event.dataTransfer.effectAllowed = "move";
  });
  document.addEventListener("dragover", over);
  document.addEventListener("dragend", () => {
    dragged = null;
    for (const each of board().querySelectorAll(".column.over")) each.classList.remove("over");
  });
  document.addEventListener("drop", (event) => {
    const column = event.target.closest(".column");
    if (!dragged || !column || column.contains(dragged)) return;
    event.preventDefault();
    put(dragged, column, dragged.querySelector(".card-moves button").value);
  });
}
