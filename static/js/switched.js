// Fields that depend on a choice: in [data-row] and [data-switched], those with data-shown-for="a b" are shown while the
// select in [data-switch] says a or b. In [data-off="x"] all but the first cell are hidden while its own select says x.
// Of the units with data-unit-for="a b", and the fields with data-shown-of="a b" besides, those are shown that name what
// the select in [data-measures] says.
const PARTS = "[data-row], [data-switched]";

function showFields(part) {
  const chosen = part.querySelector("[data-switch] select")?.value;
  for (const cell of part.querySelectorAll("[data-shown-for]")) {
    cell.hidden = chosen !== "" && !cell.dataset.shownFor.split(" ").includes(chosen);
  }
  const measured = part.querySelector("[data-measures] select")?.value;
  for (const unit of part.querySelectorAll("[data-unit-for]")) unit.hidden = !unit.dataset.unitFor.split(" ").includes(measured);
  for (const cell of part.querySelectorAll("[data-shown-of]")) cell.hidden ||= !cell.dataset.shownOf.split(" ").includes(measured);
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
