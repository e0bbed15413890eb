
"use strict";
// Each picture of the stream takes the place of the one before; what was pointed at, or had the focus, still is.
const main = document.querySelector("main");
const live = document.getElementById("live");

function tell(state, text) {
  live.dataset.state = state;
  live.textContent = text;
}
function put(event) {
  const told = JSON.parse(event.data);
  const focus = focused();
  const dismissed = details.hidden;
  main.innerHTML = told.picture;
  document.getElementById("path").textContent = told.path;
  document.getElementById("blame").textContent = told.blame;
  document.title = `${told.app}: ${told.state}`;
  bind();
  refocus(focus);
  if (dismissed) hide();
  repoint();
  return told;
}

const pictures = new EventSource("live");
pictures.addEventListener("picture", (event) => {
  const { state } = put(event);
  tell(state, `live: ${state}`);
});
pictures.addEventListener("ended", (event) => {
  pictures.close();
  put(event);
  tell("ended", "the process has ended; this is the last picture of it");
});
pictures.addEventListener("error", () => {
  if (pictures.readyState === EventSource.CLOSED) tell("lost", "not live: too many look on already; reload the page for another picture");
  else tell("lost", "not live: the connection is lost, perhaps the process is gone; trying again");
});
tell(live.dataset.state, "connecting");
