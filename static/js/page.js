// What every page does: the reader's time zone, the theme switch without a reload, and toasts.
const ZONE_COOKIE = "ocean_tz";
const TOAST_MS = 8000;
const AGAIN_MS = 1500;

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone) document.cookie = `${ZONE_COOKIE}=${zone}; path=/; max-age=31536000; SameSite=Lax`;

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-theme-form]") || !event.submitter) return;
  event.preventDefault();
  document.documentElement.dataset.theme = event.submitter.value;
  fetch(form.action, { method: "POST", body: new FormData(form, event.submitter), redirect: "manual" });
});

// A double click on a button sends its form once.
const sent = new WeakMap();
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (performance.now() - (sent.get(form) ?? -Infinity) < AGAIN_MS) event.preventDefault();
  else sent.set(form, performance.now());
});

function toast(text) {
  const area = document.getElementById("toasts");
  const template = document.getElementById("toast-template");
  if (!area || !template) return;
  const item = template.content.firstElementChild.cloneNode(true);
  item.querySelector("[data-text]").textContent = text;
  area.append(item);
  setTimeout(() => item.remove(), TOAST_MS);
}

for (const name of ["htmx:responseError", "htmx:sendError"]) {
  document.body.addEventListener(name, (event) => {
    // A live part tries again by itself, and the footer says that the connection is interrupted.
    if (!event.target.closest("[data-live]")) toast(document.getElementById("toasts").dataset.failed);
  });
}

// A search's address names only what was filled in or differs from the default.
document.body.addEventListener("htmx:configRequest", (event) => {
  if (!event.target.matches("form[role=search]")) return;
  for (const [name, value] of Object.entries(event.detail.parameters)) {
    const usual = event.target.elements[name]?.dataset?.default ?? "";
    if (value === usual) delete event.detail.parameters[name];
  }
});

// A whole page that cannot come by htmx (the login page, after the session ended) replaces this one.
document.body.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.responseURL && /<html/i.test(event.detail.serverResponse.slice(0, 200))) {
    event.detail.shouldSwap = false;
    window.location.reload();
  }
});
