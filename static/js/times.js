// Keeps relative times true while the page is open: <time datetime="…" data-relative>, first rendered by the server
// in the same words (apps/core/relative_time.py).
const STEP_MS = 5_000;
const UNITS = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];
const language = document.documentElement.lang;
const format = new Intl.RelativeTimeFormat(language);
const now = new Intl.RelativeTimeFormat(language, { numeric: "auto" }).format(0, "second");

function words(seconds) {
  const found = UNITS.find(([, size]) => Math.abs(seconds) >= size);
  if (!found) return now;
  const [unit, size] = found;
  return format.format(Math.trunc(seconds / size), unit);
}

function update() {
  const present = Date.now();
  for (const element of document.querySelectorAll("time[data-relative]")) {
    const text = words(Math.round((Date.parse(element.dateTime) - present) / 1000));
    if (element.textContent !== text) element.textContent = text;
  }
}

update();
setInterval(() => document.hidden || update(), STEP_MS);
document.body.addEventListener("htmx:afterSettle", update);
document.addEventListener("visibilitychange", update);
