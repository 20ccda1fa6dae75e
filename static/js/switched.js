// Fields that depend on a choice: in [data-row] and [data-switched], those with data-shown-for="a b" are shown while the
// select in [data-switch] says a or b.
const PARTS = "[data-row], [data-switched]";

function showFields(part) {
  const chosen = part.querySelector("[data-switch] select")?.value;
  for (const cell of part.querySelectorAll("[data-shown-for]")) {
    cell.hidden = chosen !== "" && !cell.dataset.shownFor.split(" ").includes(chosen);
  }
}

document.addEventListener("input", (event) => {
  const part = event.target.closest(PARTS);
  if (part) showFields(part);
});

document.querySelectorAll(PARTS).forEach(showFields);
