// Boxes in a live list: what a person has ticked stays ticked when the list comes anew. A form with data-chosen="2"
// takes at most two: a third takes the place of the first.
const ticked = new Map();

const boxes = () => document.querySelectorAll("form[data-chosen] input[type=checkbox]");
const most = (box) => Number(box.form.dataset.chosen);

document.addEventListener("change", (event) => {
  const box = event.target;
  if (!box.matches?.("form[data-chosen] input[type=checkbox]")) return;
  ticked.delete(box.value);
  if (box.checked) ticked.set(box.value, true);
  if (ticked.size > most(box)) ticked.delete(ticked.keys().next().value);
  restore();
});

function restore() {
  for (const box of boxes()) box.checked = ticked.has(box.value);
}

document.body.addEventListener("htmx:afterSettle", restore);
