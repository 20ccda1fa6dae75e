// Keeps relative times true while the page is open: <time datetime="…" data-relative>, first rendered by the server.
const STEP_MS = 5_000;
const UNITS = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];
const format = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "auto" });

function words(seconds) {
  const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", 1];
  return format.format(Math.trunc(seconds / size), unit);
}

function update() {
  const now = Date.now();
  for (const element of document.querySelectorAll("time[data-relative]")) {
    const text = words(Math.round((Date.parse(element.dateTime) - now) / 1000));
    if (element.textContent !== text) element.textContent = text;
  }
}

update();
setInterval(() => document.hidden || update(), STEP_MS);
document.body.addEventListener("htmx:afterSettle", update);
document.addEventListener("visibilitychange", update);
