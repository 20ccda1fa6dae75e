// Follows a log: asks for what was added while 'follow' is ticked and the page is looked at, and keeps the end in view
// unless the reader has scrolled up. What has long scrolled by is dropped, so that a page left open stays light.
const EVERY_MS = 1500;
const KEPT_LETTERS = 2_000_000;
const NEAR_END_PX = 40;

const log = document.getElementById("log");
const follow = document.getElementById("log-follow");

function toEnd() {
  log.scrollTop = log.scrollHeight;
}

function drop() {
  let length = log.textContent.length;
  while (length > KEPT_LETTERS && log.children.length > 2) {
    length -= log.firstElementChild.textContent.length;
    log.firstElementChild.remove();
  }
}

if (log) {
  let atEnd = true;
  toEnd();
  log.addEventListener("scroll", () => {
    atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_END_PX;
  });
  log.addEventListener("htmx:afterSettle", () => {
    drop();
    if (atEnd) toEnd();
  });
  setInterval(() => {
    if (follow.checked && !document.hidden) htmx.trigger(log.querySelector("[data-log-next]"), "read-on");
  }, EVERY_MS);
}

const choice = document.querySelector("[data-log-choice]");
choice?.addEventListener("change", (event) => {
  if (event.target !== follow) choice.requestSubmit();
});
// Chosen before this script was there, or brought back by the browser's own memory.
const isOther = ({ options, value }) => {
  const rendered = [...options].find((option) => option.defaultSelected) ?? options[0];
  return rendered !== undefined && value !== rendered.value;
};
if (choice && [...choice.querySelectorAll("select")].some(isOther)) choice.requestSubmit();
