// The two sides of a document: the item under the pointer is marked on both; a click or j and k go to it.

const view = () => document.querySelector("#document");
const TYPING = "input, select, textarea, [contenteditable]";
let here = "";

function keyAt(target) {
  const line = target.closest(".source [data-item]");
  if (line) return line.dataset.item;
  const block = target.closest(".rendered :is(li, h1, h2, h3, h4, h5, h6)");
  const spot = block?.querySelector(":scope > .spot, :scope > p > .spot");
  return spot ? spot.id.slice(2) : "";
}

function blocks(key) {
  const block = document.getElementById(`d-${key}`)?.closest("li, h1, h2, h3, h4, h5, h6");
  return [block, view().querySelector(`.source [data-item="${key}"]`)].filter(Boolean);
}

function mark(key) {
  for (const each of view().querySelectorAll(".here")) each.classList.remove("here");
  here = key;
  for (const each of key ? blocks(key) : []) each.classList.add("here");
}

function reveal(key) {
  for (const block of blocks(key)) {
    const side = block.closest(".document-side");
    const [outer, inner] = [side.getBoundingClientRect(), block.getBoundingClientRect()];
    if (inner.top < outer.top + 40 || inner.bottom > outer.bottom) {
      side.scrollTop += inner.top - outer.top - outer.height / 3;
    }
  }
}

function step(by) {
  const keys = [...view().querySelectorAll(".source [data-item]")].map((line) => line.dataset.item);
  const at = keys.indexOf(here);
  const key = keys[at < 0 ? 0 : Math.min(Math.max(at + by, 0), keys.length - 1)];
  if (!key) return;
  mark(key);
  reveal(key);
}

if (view()) {
  document.addEventListener("pointerover", ({ target }) => {
    const key = view().contains(target) && keyAt(target);
    if (key && key !== here) mark(key);
  });
  document.addEventListener("click", ({ target }) => {
    const key = view().contains(target) && !target.closest("a") && keyAt(target);
    if (!key) return;
    mark(key);
    reveal(key);
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest(TYPING)) return;
    if (event.key === "j") step(1);
    else if (event.key === "k") step(-1);
  });
}
