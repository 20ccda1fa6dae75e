// The job form: the tag that shows itself as one types, suggestions, the first
// error under the cursor, and a word before what was typed is left behind.
const LOOK_AGAIN_MS = 400;
const SUGGEST_MS = 250;

const form = document.querySelector("[data-job-form]");
const valueOf = (name) => form.elements[name]?.value.trim() || "?";

function showTag() {
  if (!form.elements.product_line) return;
  const parts = [`job.${valueOf("name")}`, `service.${valueOf("service")}`, `cluster.${valueOf("cluster")}`, valueOf("product_line")];
  document.getElementById("job-tag").textContent = parts.join("_");
}

function offerPorts() {
  const names = [...form.querySelectorAll('[name^="ports-"][name$="-name"]')].map((input) => input.value).filter(Boolean);
  document.getElementById("port-options").replaceChildren(...names.map((name) => new Option("", name)));
}

function later(wait, action) {
  let timer = 0;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(action, wait, ...values);
  };
}

function fill(options, values) {
  htmx.ajax("GET", options.dataset.address, { target: options, swap: "innerHTML", values });
}

const suggestJobs = later(SUGGEST_MS, (typed) => {
  const options = document.getElementById("dependency-options");
  fill(options, { cluster: options.dataset.cluster ?? valueOf("cluster"), own: options.dataset.own ?? "", typed });
});

const showCall = later(LOOK_AGAIN_MS, () => {
  const box = document.getElementById("api-call-box");
  if (box.open) htmx.trigger(box, "look-again");
});

let changed = document.querySelector(".alert") !== null;

form.addEventListener("input", (event) => {
  changed = true;
  if (event.target.getAttribute("list") === "dependency-options") suggestJobs(event.target.value);
  if (event.target.name === "product_line") fill(document.getElementById("secret-options"), { product_line: event.target.value });
  showTag();
  offerPorts();
  showCall();
});

form.addEventListener("submit", () => {
  changed = false;
});

window.addEventListener("beforeunload", (event) => {
  if (changed) event.preventDefault();
});

document.querySelector("[data-template-choice]")?.addEventListener("change", (event) => {
  event.currentTarget.requestSubmit();
});

showTag();
offerPorts();
if (/^#tab-\w+$/.test(location.hash) && !form.querySelector(".is-invalid")) document.querySelector(`${location.hash}-label`)?.click();
form.querySelector(".tab-pane.active .is-invalid")?.focus();
