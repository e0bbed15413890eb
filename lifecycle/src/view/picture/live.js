
"use strict";
// Each picture of the stream replaces the one before; pointer and focus stay where they are.
const main = document.querySelector("main");
const live = document.getElementById("live");

function setState(state, text) {
  live.dataset.state = state;
  live.textContent = text;
}
function put(event) {
  const data = JSON.parse(event.data);
  const focus = focused();
  const dismissed = details.hidden;
  main.innerHTML = data.picture;
  document.getElementById("path").textContent = data.path;
  document.getElementById("blame").textContent = data.blame;
  document.title = `${data.app}: ${data.state}`;
  bind();
  refocus(focus);
  if (dismissed) hide();
  repoint();
  return data;
}

const pictures = new EventSource("live");
pictures.addEventListener("picture", (event) => {
  const { state } = put(event);
  setState(state, `live: ${state}`);
});
pictures.addEventListener("ended", (event) => {
  pictures.close();
  put(event);
  setState("ended", "the process has ended; this is the last picture of it");
});
pictures.addEventListener("error", () => {
  if (pictures.readyState === EventSource.CLOSED) setState("lost", "not live: too many viewers; reload the page for another picture");
  else setState("lost", "not live: the connection is lost, and the process may be gone; trying again");
});
setState(live.dataset.state, "connecting");
