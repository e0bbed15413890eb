
"use strict";
// What the picture says of its parts as titles is shown beside the pointer, or beside what has the focus.
const details = document.getElementById("details");
const says = new Map();
for (const title of document.querySelectorAll("svg title")) {
  const part = title.parentNode;
  says.set(part, title.textContent);
  part.setAttribute("aria-label", title.textContent);
  part.setAttribute("role", "img");
  title.remove();
}
const rows = [...document.querySelectorAll("svg .row")];
// One stop of the Tab key; the arrows go on from there: up and down to rows, left and right to what a row did.
for (const part of document.querySelectorAll("svg .row, svg .span")) part.tabIndex = -1;
if (rows.length) rows[0].tabIndex = 0;

function hide() {
  details.hidden = true;
  for (const part of document.querySelectorAll("svg .at")) part.classList.remove("at");
}
function show(part, x, y) {
  hide();
  details.textContent = says.get(part);
  details.hidden = false;
  part.classList.add("at");
  const box = details.getBoundingClientRect();
  const room = document.documentElement;
  details.style.left = Math.max(4, Math.min(x + 14, room.clientWidth - box.width - 4)) + "px";
  details.style.top = (y + 18 + box.height < room.clientHeight ? y + 18 : Math.max(4, y - box.height - 10)) + "px";
}
const partOf = (event) => event.target.closest ? event.target.closest("svg .span, svg .row, svg .phase") : null;
document.addEventListener("pointermove", (event) => {
  const part = partOf(event);
  if (part) show(part, event.clientX, event.clientY);
  else if (!document.activeElement.closest("svg")) hide();
});
document.addEventListener("focusin", (event) => {
  const part = partOf(event);
  if (!part) return hide();
  const box = part.getBoundingClientRect();
  show(part, Math.max(0, box.left), box.bottom - 14);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") return hide();
  const part = partOf(event);
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
  for (const other of rows) other.tabIndex = -1;
  next.closest(".row").tabIndex = 0;
  next.focus();
});
