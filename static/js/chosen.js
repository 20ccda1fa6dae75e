// Choosing several rows of a live list. A form with data-chosen="2" takes at most two boxes (a third takes the place of
// the first), with data-chosen="" any number. Its boxes, <input type="checkbox" data-choose>, may stand outside it with
// form="…". What is ticked stays ticked when the list comes anew, and also while another page of it is shown.
// In the form: [data-choose-page] ticks all of the page, [data-choose-all="address"] all that the list's filters match,
// [data-choose-none] none; [data-chosen-count] says how many are; .is-empty is on it while none is.
const GET_AT_MOST = 20;

const kept = new Map();
let last = null;

const forms = () => [...document.querySelectorAll("form[data-chosen]")];
const boxes = (form) => [...form.elements].filter((element) => element.matches("input[data-choose]"));

function valuesOf(form) {
  if (!kept.has(form.id)) kept.set(form.id, new Set());
  return kept.get(form.id);
}

function choose(form, value, isChosen) {
  const values = valuesOf(form);
  values.delete(value);
  if (isChosen) values.add(value);
  const most = Number(form.dataset.chosen) || Infinity;
  if (values.size > most) values.delete(values.values().next().value);
}

function show(form) {
  const values = valuesOf(form);
  const all = boxes(form);
  for (const box of all) box.checked = values.has(box.value);
  form.classList.toggle("is-empty", values.size === 0);
  for (const count of form.querySelectorAll("[data-chosen-count]")) count.textContent = values.size;
  const page = form.querySelector("[data-choose-page]");
  if (!page) return;
  const ticked = all.filter((box) => box.checked).length;
  page.checked = all.length > 0 && ticked === all.length;
  page.indeterminate = ticked > 0 && ticked < all.length;
  page.disabled = all.length === 0;
}

const showAll = () => forms().forEach(show);

document.addEventListener("click", (event) => {
  // Shift-click: all from the box before to this one.
  const box = event.target.closest?.("input[data-choose]");
  if (box?.form?.matches("[data-chosen]")) {
    const all = boxes(box.form);
    const [from, to] = [all.indexOf(last), all.indexOf(box)].sort((one, other) => one - other);
    if (event.shiftKey && from >= 0) for (const one of all.slice(from, to + 1)) choose(box.form, one.value, box.checked);
    last = box;
  }
  const none = event.target.closest?.("[data-choose-none]");
  if (none) {
    valuesOf(none.form).clear();
    show(none.form);
  }
  const matching = event.target.closest?.("[data-choose-all]");
  if (matching) chooseMatching(matching);
});

document.addEventListener("change", (event) => {
  const { target } = event;
  const form = target.form;
  if (!form?.matches?.("[data-chosen]")) return;
  if (target.matches("[data-choose-page]")) for (const box of boxes(form)) choose(form, box.value, target.checked);
  else if (target.matches("[data-choose]")) choose(form, target.value, target.checked);
  show(form);
});

async function chooseMatching(button) {
  button.disabled = true;
  try {
    const answer = await fetch(`${button.dataset.chooseAll}${window.location.search}`, { headers: { Accept: "application/json" } });
    if (answer.ok) for (const value of (await answer.json()).values) choose(button.form, value, true);
  } finally {
    button.disabled = false;
    show(button.form);
  }
}

// What is chosen on other pages goes with it. Few fit an address, which can be shared; many are posted.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("form[data-chosen]")) return;
  show(form); // a list that has just come anew may not be ticked yet
  for (const old of form.querySelectorAll("[data-chosen-elsewhere]")) old.remove();
  const here = new Set(boxes(form).map((box) => box.value));
  const [name] = boxes(form).map((box) => box.name);
  for (const value of valuesOf(form)) {
    if (here.has(value)) continue;
    const field = document.createElement("input");
    Object.assign(field, { type: "hidden", name: name ?? form.dataset.name, value });
    field.dataset.chosenElsewhere = "";
    form.append(field);
  }
  if (form.dataset.method !== "either") return;
  const isShort = valuesOf(form).size <= GET_AT_MOST;
  form.method = isShort ? "get" : "post";
  for (const token of form.querySelectorAll("[name=csrfmiddlewaretoken], [data-posted]")) token.disabled = isShort;
});

showAll();
document.body.addEventListener("htmx:afterSwap", showAll);
document.body.addEventListener("htmx:afterSettle", showAll);
window.addEventListener("pageshow", showAll);
