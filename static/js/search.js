// The search of every page: `/` or Ctrl-K opens it, arrow keys move through what was found, Enter opens it, Escape
// closes (the dialog's own). What is found comes by htmx (templates/core/search/_options.html).
const dialog = document.getElementById("search");
const field = document.getElementById("search-text");

const options = () => [...document.querySelectorAll("#search-found [role=option]")];
const current = () => document.querySelector("#search-found [aria-selected=true]");

function open() {
  if (dialog.open) return;
  dialog.showModal();
  field.select();
}

function select(option) {
  current()?.setAttribute("aria-selected", "false");
  option?.setAttribute("aria-selected", "true");
  option?.scrollIntoView({ block: "nearest" });
  if (option) field.setAttribute("aria-activedescendant", option.id);
  else field.removeAttribute("aria-activedescendant");
}

function move(step) {
  const all = options();
  if (!all.length) return;
  const at = all.indexOf(current());
  select(all[at < 0 ? (step > 0 ? 0 : all.length - 1) : (at + step + all.length) % all.length]);
}

const isTyping = (target) => target.matches?.("input, select, textarea, [contenteditable=true]");

document.addEventListener("keydown", (event) => {
  const isSlash = event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && !isTyping(event.target);
  const isCtrlK = event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.altKey;
  if (!isSlash && !isCtrlK) return;
  if (document.querySelector("dialog[open]") && !dialog.open) return;
  event.preventDefault();
  open();
});

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-search-open]") || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  open();
});

field?.addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  if (event.key === "Escape") {
    event.preventDefault(); // a search field would only be emptied
    dialog.close();
    return;
  }
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    move(event.key === "ArrowDown" ? 1 : -1);
  } else if (event.key === "Enter") {
    const chosen = current();
    if (!chosen) return; // the form is sent: the page of all that was found
    event.preventDefault();
    window.location.assign(chosen.href);
  }
});

// Of what was found the first is chosen: Enter opens the best.
document.body.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id !== "search-found") return;
  const first = options()[0];
  field.setAttribute("aria-expanded", String(Boolean(first)));
  field.setAttribute("aria-controls", first ? "search-options" : "search-found");
  select(first);
});
