// Ticks, editors in place, additions, deletions, moves. The forms are those of the pages that do the same
// without a script; they are fetched when they are needed.

import { act, page, post, renewed } from "./plan-send.js";
import { beside, fold, listIn, tree } from "./plan-tree.js";
import { toast } from "./shell.js";

const at = (path) => new URL(path, new URL(page.dataset.at, location.href));
export const keyOf = (item) => item?.id.slice(2) ?? "";
export const itemOf = (element) => element?.closest("[id^=i-]");
export const above = (item) => itemOf(item.parentElement);
export const may = (what) => tree !== null && what in tree.dataset;

let opening = 0;

/** Whether a form is on its way: what is typed meanwhile is meant for it, and is no key. */
export const isOpening = () => opening > 0;

async function fragment(address) {
  opening += 1;
  try {
    const answer = await fetch(address, { headers: { "X-Fragment": "1" } });
    if (!answer.ok || answer.redirected) return null;
    return new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("form");
  } finally {
    opening -= 1;
  }
}

export function focusOn(item) {
  const there = item?.querySelector(":scope > .row > .words, :scope > summary, :scope > .words");
  there?.focus({ preventScroll: true });
  there?.scrollIntoView({ block: "nearest" });
}

// ---------------------------------------------------------------------------------------------------- tick

export function tick(item) {
  const box = item?.querySelector(":scope > .row > .box");
  if (!box || box.disabled) return;
  const [key, was] = box.value.split(" ");
  const wanted = box.name;
  act(item, {
    action: document.querySelector("#tick").action,
    data: { [wanted]: box.value },
    show: () => paint(item, key, wanted),
    hide: () => paint(item, key, was),
  });
}

function paint(item, key, status) {
  const box = item.querySelector(":scope > .row > .box");
  const done = status === "done";
  box.ariaChecked = done ? "true" : status === "in_progress" ? "mixed" : "false";
  box.name = done ? "todo" : "done";
  box.value = `${key} ${status}`;
  item.className = `task ${status}`;
}

// ---------------------------------------------------------------------------------------------------- edit

export async function edit(item) {
  const link = item?.matches("li") ? item.querySelector(":scope > .row > .words") : item?.querySelector(".tools > .edit");
  if (!link) return;
  const known = item.querySelector(":scope > .editor, :scope > .below > .editor");
  if (known) {
    known.elements.text.focus();
    return;
  }
  if (item.matches("details") && !item.open) await fold(item, true);
  const form = await fragment(link.href);
  if (!form) {
    location.href = link.href;
    return;
  }
  const own = document.importNode(form, true);
  if (item.matches("li")) item.querySelector(":scope > .row").after(own);
  else item.querySelector(":scope > .below").prepend(own);
  const text = own.elements.text;
  text.focus();
  text.setSelectionRange?.(text.value.length, text.value.length);
}

/** What is like the task, from its own page, into the form that asks for it. */
async function showSimilar(link) {
  const answer = await fetch(link.href);
  const found = answer.ok ? new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("#similar") : null;
  if (!found) {
    location.href = link.href;
    return;
  }
  const own = document.importNode(found, true);
  own.tabIndex = -1;
  link.closest("form").append(own);
  link.remove();
  own.focus();
}

function close(form) {
  const line = form.closest(".adding");
  const item = line?.previousElementSibling ?? itemOf(form);
  (line ?? form).remove();
  if (item) focusOn(item);
}

function save(form) {
  const item = itemOf(form);
  const words = item.querySelector(":scope > .row > .words, :scope > summary [id^=w-]");
  const was = words.innerHTML;
  const data = new FormData(form);
  form.hidden = true;
  act(item, {
    action: form.action,
    data,
    show: () => words.lastChild && (words.lastChild.textContent = data.get("text")),
    hide: () => {
      words.innerHTML = was;
      form.hidden = false;
    },
    told: (answer) => refused(form, answer),
  }).then((answer) => answer.saved && close(form));
}

function refused(form, { problem, present = {} }) {
  const box = form.querySelector(".problem");
  box.textContent = problem;
  box.hidden = false;
  for (const [name, value] of Object.entries(present)) {
    tellNow(form, name, value);
    form.elements[`was-${name}`].value = value; // seen now: a second attempt means it
  }
  form.elements.text.focus();
}

function tellNow(form, name, value) {
  const field = form.querySelector(`.f-${name}`);
  if (!field) return;
  const now = field.querySelector(".now") ?? document.createElement("p");
  now.className = "now";
  now.setAttribute("role", "status");
  const held = document.createElement("b");
  held.textContent = value || page.dataset.nothing;
  now.replaceChildren(`${page.dataset.changed} `, held);
  field.append(now);
}

/** Somebody else changed what is being edited: what was not touched here follows, the rest is told. */
async function follow(item) {
  const form = item.querySelector(":scope > .editor, :scope > .below > .editor");
  if (!form || form.hidden) return;
  const fresh = await fragment(form.action);
  if (!fresh || !form.isConnected) return;
  for (const field of fresh.querySelectorAll("[name^=was-]")) {
    const name = field.name.slice(4);
    const was = form.elements[field.name];
    if (was.value === field.value) continue;
    if (form.elements[name].value === was.value) {
      form.elements[name].value = field.value;
      was.value = field.value;
    } else tellNow(form, name, field.value);
  }
}

// ----------------------------------------------------------------------------------------------------- add

const homeOf = (item) => (item === null ? tree : item.matches("details") ? item.querySelector(":scope > .below") : item);

/** A form for a new task below `parent` (null for the plan), after the task `after`, else as the last one. */
export function add(parent, after = null) {
  if (!may("mayAdd")) return;
  tree.querySelector(".adding")?.remove();
  const form = document.importNode(document.querySelector("#adder").content, true).querySelector("form");
  form.elements.parent.value = keyOf(parent);
  form.elements.after.value = keyOf(after);
  const line = document.createElement("li");
  line.className = "adding";
  line.append(form);
  if (parent?.matches("details") && !parent.open) fold(parent, true);
  if (after) after.after(line);
  else listIn(homeOf(parent)).append(line);
  line.querySelector("[name=text]").focus();
}

async function addPhase(link) {
  const form = await fragment(link.href);
  if (!form) return;
  const own = document.importNode(form, true);
  (link.closest(".below") ?? tree).append(own);
  own.elements.text.focus();
}

async function added(form) {
  const text = form.elements.text;
  const data = new FormData(form);
  text.readOnly = true;
  const answer = await post(form.action, data);
  const box = form.querySelector(".problem");
  box.hidden = Boolean(answer.saved);
  box.textContent = answer.problem ?? "";
  if (answer.saved) await renewed();
  text.readOnly = false; // not before: the field is emptied below, with what would be typed meanwhile
  if (!answer.saved || !form.isConnected) return;
  const made = document.getElementById(`i-${answer.item}`);
  if (form.elements.kind.value === "phase") {
    form.remove();
    focusOn(made);
    return;
  }
  text.value = "";
  form.elements.after.value = answer.item; // the next one comes after it
  made?.after(form.closest(".adding"));
  text.focus();
}

// ------------------------------------------------------------------------------------------------- deletion

const undos = [];

export async function remove(item) {
  if (!item || !may("mayDelete")) return;
  const place = document.createComment("");
  const near = item.nextElementSibling ?? item.previousElementSibling ?? above(item);
  item.replaceWith(place);
  focusOn(near && near.id ? near : null);
  const answer = await post(at("delete/"), { item: keyOf(item) });
  if (!answer.saved) {
    place.replaceWith(item);
    toast(answer.problem, { kind: "bad" });
    focusOn(item);
    return;
  }
  place.remove();
  offer(answer.undo);
  await renewed();
}

function offer(undo) {
  const told = document.createElement("span");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "second";
  button.textContent = page.dataset.undo;
  const mine = { undo, box: toast(told, { kind: "good" }) };
  undos.push(mine);
  button.addEventListener("click", () => takeBack(mine));
  told.append(`${page.dataset.binned} `, button);
}

/** Out of the bin again: the last deletion, or the one given. */
export async function takeBack(deletion) {
  const { undo, box } = undos.splice(deletion ? undos.indexOf(deletion) : -1, 1)[0] ?? {};
  if (!undo) return;
  box.remove();
  const data = new FormData(document.querySelector("#tick"));
  const answer = await fetch(undo, { method: "POST", body: data });
  if (!answer.ok) toast(`${page.dataset.refused}: ${answer.status}`, { kind: "bad" });
  await renewed();
  focusOn(document.getElementById(`i-${undo.split("/").at(-2).replaceAll("-", "")}`));
}

// ---------------------------------------------------------------------------------------------------- moves

/** One step; past a sibling it shows at once. */
export function moveBy(item, way) {
  if (!item || !may("mayChange")) return;
  const steps = { up: "previous", down: "next" }[way];
  const other = steps && beside(item, steps);
  act(item, {
    action: at("move/"),
    data: { item: keyOf(item), way },
    show: () => {
      if (!other) return;
      if (way === "up") other.before(item);
      else other.after(item);
      focusOn(item);
    },
    hide: () => other && (way === "up" ? other.after(item) : other.before(item)),
  }).then(() => focusOn(document.getElementById(item.id)));
}

/** Below `parent` (null for the plan), right after `after`, or first; `show` puts it there. */
export function moveTo(item, parent, after, show) {
  const [home, next] = [item.parentElement, item.nextSibling];
  act(item, {
    action: at("move/"),
    data: { item: keyOf(item), parent: keyOf(parent), after: keyOf(after) },
    show,
    hide: () => home.insertBefore(item, next?.isConnected ? next : null),
  });
}

// ---------------------------------------------------------------------------------------------------- events

function onClick(event) {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  const target = event.target;
  const item = itemOf(target);
  const link = target.closest("a");
  if (target.closest(".box")) tick(item);
  else if (target.closest(".cancel") && target.closest("form")) close(target.closest("form"));
  else if (link?.matches("[data-similar]")) showSimilar(link);
  else if (link?.matches(".words, .tools > .edit") && may("mayChange")) edit(item);
  else if (link?.matches(".add") && link.search.includes("kind=phase")) addPhase(link);
  else if (link?.matches(".add")) add(link.closest("details"));
  else return;
  event.preventDefault();
}

if (tree) {
  page.addEventListener("click", onClick);
  // Here and not further up: the form around the tree lets no submission of another form pass.
  tree.addEventListener("submit", (event) => {
    if (event.target.matches(".editor")) save(event.target);
    else if (event.target.matches(".adder")) added(event.target);
    else return;
    event.preventDefault();
  });
  page.addEventListener("keydown", (event) => {
    const form = event.target.closest(".editor, .adder");
    if (!form || event.isComposing) return;
    if (event.key === "Escape") close(form);
    else if (event.key === "Enter" && event.target.matches("textarea") && !event.shiftKey) form.requestSubmit();
    else return;
    event.preventDefault();
  });
  tree.addEventListener("plan:changed", (event) => follow(event.target));
}
