// Fields that depend on a choice: in [data-row] and [data-switched], those with data-shown-for="a b" are shown while the
// select in [data-switch] says a or b. In [data-off="x"] all but the first cell are hidden while its own select says x.
const PARTS = "[data-row], [data-switched]";

function showFields(part) {
  const chosen = part.querySelector("[data-switch] select")?.value;
  for (const cell of part.querySelectorAll("[data-shown-for]")) {
    cell.hidden = chosen !== "" && !cell.dataset.shownFor.split(" ").includes(chosen);
  }
  const off = part.querySelector("[data-off]");
  if (off && off.querySelector("select").value === off.dataset.off) {
    for (const cell of part.querySelectorAll(".job-cell")) cell.hidden = cell !== off;
  } else if (off) {
    part.querySelector("[data-switch]").hidden = false;
  }
}

document.addEventListener("input", (event) => {
  const part = event.target.closest(PARTS);
  if (part) showFields(part);
});

document.querySelectorAll(PARTS).forEach(showFields);
