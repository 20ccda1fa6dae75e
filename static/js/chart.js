// A chart in [data-chart] with its moments in [data-readings] beside it (x in the SVG's units, and words that begin with
// the time): what stands under the pointer, or under the cursor that the arrow keys move, is said in [data-chart-says]; so
// is a sign that has the focus. A refresh of the chart leaves the cursor at its moment. Where it is too wide for the
// screen, its newest end is shown first.
const saysOf = (chart) => chart.parentElement.querySelector("[data-chart-says]");
const timeOf = (reading) => reading.words.split(" · ")[0];
const shown = new WeakMap();
const placed = new WeakSet();

function readingsOf(chart) {
  return [...chart.parentElement.querySelectorAll("[data-readings] li")].map((item) => ({ x: Number(item.dataset.x), words: item.textContent }));
}

function show(chart, reading) {
  if (!reading) return;
  const cursor = chart.querySelector("[data-cursor]");
  cursor.setAttribute("x1", reading.x);
  cursor.setAttribute("x2", reading.x);
  cursor.setAttribute("visibility", "visible");
  shown.set(chart, reading);
  saysOf(chart).textContent = reading.words;
}

function nearest(readings, x) {
  return readings.reduce((best, each) => (!best || Math.abs(each.x - x) < Math.abs(best.x - x) ? each : best), null);
}

document.addEventListener("pointermove", (event) => {
  const chart = event.target.closest("[data-chart]");
  if (!chart || event.target.closest("[data-words]")) return;
  const box = chart.querySelector("svg").getBoundingClientRect();
  const width = chart.querySelector("svg").viewBox.baseVal.width;
  show(chart, nearest(readingsOf(chart), ((event.clientX - box.left) / box.width) * width));
});

document.addEventListener("keydown", (event) => {
  if (!event.target.matches?.("[data-chart]") || !["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key)) return;
  event.preventDefault();
  const readings = readingsOf(event.target);
  const at = readings.findIndex((each) => each.x >= (shown.get(event.target)?.x ?? Infinity));
  const here = at === -1 ? readings.length : at;
  const next = { ArrowLeft: here - 1, ArrowRight: here + 1, Home: 0, End: readings.length - 1 }[event.key];
  show(event.target, readings[Math.min(Math.max(next, 0), readings.length - 1)]);
});

for (const name of ["focusin", "pointerover"]) {
  document.addEventListener(name, (event) => {
    const sign = event.target.closest("[data-words]");
    if (sign) saysOf(sign.closest("[data-chart]")).textContent = sign.dataset.words;
  });
}

document.body.addEventListener("htmx:afterSettle", () => {
  for (const chart of document.querySelectorAll("[data-chart]")) {
    if (!placed.has(chart)) chart.scrollLeft = chart.scrollWidth;
    placed.add(chart);
    const before = shown.get(chart);
    if (before) show(chart, readingsOf(chart).find((each) => timeOf(each) === timeOf(before)) ?? nearest(readingsOf(chart), before.x));
  }
});
