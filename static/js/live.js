// Live pages. An element with data-live="job:12 operations" gets the DOM event `live` when one of its topics changes,
// and refreshes itself: hx-get="…" hx-trigger="live" hx-target="this" hx-swap="morph:outerHTML". See docs/pages.md.
// One EventSource serves all elements. While it is down every element is refreshed each POLL_MS.
const POLL_MS = 10_000;
const REOPEN_MS = 5_000;

let source = null;
let opened = "";
let poll = 0;
let reopen = 0;

const elements = () => [...document.querySelectorAll("[data-live]")];
const topicsOf = (element) => element.dataset.live.split(/\s+/).filter(Boolean);

function refresh(changed) {
  for (const element of elements()) {
    if (changed && !topicsOf(element).some((topic) => changed.includes(topic))) continue;
    element.dispatchEvent(new CustomEvent("live"));
  }
}

function say(interrupted) {
  const state = document.getElementById("live-state");
  if (state) state.hidden = !interrupted;
  document.documentElement.dataset.liveState = interrupted ? "polling" : "open";
  if (interrupted && !poll) poll = setInterval(() => refresh(null), POLL_MS);
  if (!interrupted) poll = clearInterval(poll) || 0;
}

function close() {
  source?.close();
  source = null;
  opened = "";
  clearTimeout(reopen);
  poll = clearInterval(poll) || 0;
}

function open() {
  const topics = [...new Set(elements().flatMap(topicsOf))].sort().join(",");
  if (document.hidden || topics === opened) return;
  close();
  if (!topics) return;
  opened = topics;
  source = new EventSource(`/live/?topics=${encodeURIComponent(topics)}`);
  source.onopen = () => {
    say(false);
    // What changed between the page's rendering (or the loss of the connection) and now was told to nobody.
    refresh(null);
  };
  source.onmessage = (event) => refresh(JSON.parse(event.data));
  source.onerror = () => {
    say(true);
    // After an HTTP error the browser gives up for good; a dropped connection it opens again by itself.
    if (source?.readyState !== EventSource.CLOSED) return;
    opened = "";
    clearTimeout(reopen);
    reopen = setTimeout(open, REOPEN_MS);
  };
}

// What the page is about is gone, or not this person's any more: the page itself says so.
document.body.addEventListener("htmx:responseError", (event) => {
  if (event.detail.xhr.status === 404 && event.target.matches("[data-live]")) window.location.reload();
});

// A refresh that was asked for before a person changed something within must not take the change back: it is asked for anew.
const asked = new WeakMap();
const touched = new WeakMap();
const touch = ({ detail, target }) => {
  const part = target.closest?.("[data-live]");
  if (part && detail.requestConfig.verb !== "get") touched.set(part, performance.now());
};
document.body.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target.matches("[data-live]")) asked.set(event.target, performance.now());
  touch(event);
});
document.body.addEventListener("htmx:afterRequest", touch);
document.body.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const { elt, verb } = detail.requestConfig;
  if (verb !== "get" || !(touched.get(elt) >= asked.get(elt))) return;
  detail.shouldSwap = false;
  elt.dispatchEvent(new CustomEvent("live"));
});

// A swap may bring other topics.
document.body.addEventListener("htmx:afterSettle", open);
document.addEventListener("visibilitychange", () => {
  if (document.hidden) close();
  else open();
});
window.addEventListener("pagehide", close);
window.addEventListener("pageshow", (event) => {
  if (event.persisted) open();
});

// A refresh must not take away what a person has in hand: what they type, and menus they have opened; nor what an
// element with data-keep has loaded by itself, as long as it is still the same (by its id); nor close what they unfolded.
if (window.Idiomorph) {
  const defaults = window.Idiomorph.defaults;
  defaults.ignoreActiveValue = true;
  defaults.callbacks.beforeAttributeUpdated = (name, node) => !(name === "open" && node.matches("details"));
  defaults.callbacks.beforeNodeMorphed = (old, fresh) =>
    !(
      old.nodeType === Node.ELEMENT_NODE &&
      (old.matches("dialog[open]") ||
        old.querySelector(":scope > .dropdown-menu.show") ||
        (old.matches("[data-keep]") && old.id === fresh.id))
    );
}

open();
