// The list of jobs: which view is shown, and what a new view keeps, follow the address as filters change it.
const UNKEPT = ["page", "per_page"];

function filters(search) {
  const given = new URLSearchParams(search);
  for (const name of UNKEPT) given.delete(name);
  for (const [name, value] of [...given]) if (!value) given.delete(name, value);
  given.sort();
  return given.toString();
}

function update() {
  const present = filters(window.location.search);
  for (const link of document.querySelectorAll("[data-views] a")) {
    const isShown = filters(new URL(link.href).search) === present;
    link.classList.toggle("active", isShown);
    if (isShown) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  const query = document.querySelector("[data-view-query]");
  if (query) query.value = present;
}

update();
document.body.addEventListener("htmx:afterSettle", update);
document.body.addEventListener("htmx:pushedIntoHistory", update);
