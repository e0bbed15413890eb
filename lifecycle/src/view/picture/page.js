
"use strict";
// The titles in the picture are shown beside the pointer, or beside the element that has the focus.
const details = document.getElementById("details");
let titles, rows;
let pointed = null;

// Prepares a new picture: browsers would show the titles as tooltips, too.
function bind() {
  titles = new Map();
  for (const title of document.querySelectorAll("svg title")) {
    const part = title.parentNode;
    titles.set(part, title.textContent);
    part.setAttribute("aria-label", title.textContent);
    part.setAttribute("role", "img");
    title.remove();
  }
  rows = [...document.querySelectorAll("svg .row")];
  // The rows are one stop of the Tab key; from there the arrows move: up and down between rows, left and right between bars.
  for (const part of document.querySelectorAll("svg .row, svg .span")) part.tabIndex = -1;
  if (rows.length) rows[0].tabIndex = 0;
}
bind();

function hide() {
  details.hidden = true;
  for (const part of document.querySelectorAll("svg .at")) part.classList.remove("at");
}
function show(part, x, y) {
  hide();
  details.textContent = titles.get(part);
  details.hidden = false;
  part.classList.add("at");
  const box = details.getBoundingClientRect();
  const room = document.documentElement;
  details.style.left = Math.max(4, Math.min(x + 14, room.clientWidth - box.width - 4)) + "px";
  details.style.top = (y + 18 + box.height < room.clientHeight ? y + 18 : Math.max(4, y - box.height - 10)) + "px";
}
const partOf = (element) => element && element.closest ? element.closest("svg .span, svg .row, svg .phase") : null;
function point(part) {
  if (part) show(part, pointed.x, pointed.y);
  else if (!document.activeElement.closest("svg")) hide();
}
// Shows the details under the pointer, which has not moved, of a picture that has just arrived.
function repoint() {
  if (pointed) point(partOf(document.elementFromPoint(pointed.x, pointed.y)));
}
document.addEventListener("pointermove", (event) => {
  pointed = { x: event.clientX, y: event.clientY };
  point(partOf(event.target));
});
document.documentElement.addEventListener("pointerleave", () => {
  pointed = null;
});
document.addEventListener("focusin", (event) => {
  const part = partOf(event.target);
  if (!part) return hide();
  const box = part.getBoundingClientRect();
  show(part, Math.max(0, box.left), box.bottom - 14);
});

// The position of the focused element, so that the same element of the next picture can be focused.
function focused() {
  const part = partOf(document.activeElement);
  const row = part && part.closest(".row");
  return row ? { name: titles.get(row).split(" (")[0], span: [...row.querySelectorAll(".span")].indexOf(part) } : null;
}
function refocus(focus) {
  const row = focus && rows.find((row) => titles.get(row).startsWith(focus.name + " ("));
  if (!row) return hide();
  rove(focus.span < 0 ? row : row.querySelectorAll(".span")[focus.span] || row);
}
function rove(part) {
  for (const other of rows) other.tabIndex = -1;
  part.closest(".row").tabIndex = 0;
  part.focus({ preventScroll: true });
}
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    pointed = null;
    return hide();
  }
  const part = partOf(event.target);
  const row = part && part.closest(".row");
  if (!row) return;
  const at = rows.indexOf(row);
  const spans = [...row.querySelectorAll(".span")];
  const inRow = spans.indexOf(part);
  const next = {
    ArrowDown: rows[at + 1],
    ArrowUp: rows[at - 1],
    Home: rows[0],
    End: rows[rows.length - 1],
    ArrowRight: spans[inRow + 1],
    ArrowLeft: inRow > 0 ? spans[inRow - 1] : row,
  }[event.key];
  if (!next) return;
  event.preventDefault();
  rove(next);
  next.scrollIntoView({ block: "nearest", inline: "nearest" });
});
