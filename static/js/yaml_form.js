// The YAML view: an error's line is one click away, and a word before what was typed is left behind.
const form = document.querySelector("[data-yaml-form]");
const text = form.elements.yaml;
let changed = document.querySelector(".alert") !== null;

function showLine(number) {
  const lines = text.value.split("\n");
  const start = lines.slice(0, number - 1).reduce((sum, line) => sum + line.length + 1, 0);
  text.focus();
  text.setSelectionRange(start, start + (lines[number - 1] ?? "").length);
  text.scrollTop = (text.scrollHeight / lines.length) * Math.max(0, number - 5);
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-line]");
  if (!link) return;
  event.preventDefault();
  showLine(Number(link.dataset.line));
});

text.addEventListener("input", () => {
  changed = true;
});

form.addEventListener("submit", () => {
  changed = false;
});

window.addEventListener("beforeunload", (event) => {
  if (changed) event.preventDefault();
});
