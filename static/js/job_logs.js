// The logs page: chooses what is read, follows it, holds it, searches in it. Its parts are in logs/.
import { Lines } from "./logs/line.js";
import { LineList } from "./logs/list.js";
import { Reader } from "./logs/reader.js";
import { Search } from "./logs/search.js";

const ANNOUNCE_MS = 10_000;
const WRAP = "ocean-log-wrap";

function start(card) {
  const { dataset: words } = card;
  const part = (name) => card.querySelector(`[data-log-${name}]`);
  const viewport = part("lines");
  const pauseButton = part("pause");
  const newButton = part("new");
  const trouble = part("trouble");
  const query = new URLSearchParams(words.query);
  let isPaused = query.has("at"); // who follows a link to a line wants to see that line
  let isAway = false; // has scrolled up
  let announced = 0;
  let unannounced = 0;

  const list = new LineList(viewport, new Lines({ zone: words.zone, words }), changed);
  const search = new Search(list, {
    input: part("search"), count: part("found"), moved: () => hold(isPaused, true),
  });
  const reader = new Reader(words.address, query, {
    mayRead: () => !list.isFull,
    on: {
      page,
      trouble: (kind) => show(trouble, kind === "away" ? words.away : words.ended),
      fine: () => show(trouble, ""),
    },
  });

  function page(body) {
    const linked = query.get("at");
    const isFirst = list.count === 0;
    if (isFirst && linked) list.held = false;
    list.add(body.lines);
    for (const source of body.sources) offer(source);
    if (!isFirst) return;
    if (linked) requestAnimationFrame(() => requestAnimationFrame(() => toLine(linked)));
    else if (body.lines.length) viewport.scrollIntoView({ block: "nearest", behavior: "instant" }); // the newest line is at its end
  }

  function toLine(position) {
    const line = viewport.querySelector(`[data-position="${CSS.escape(position)}"]`);
    hold(true, true);
    viewport.scrollTop = 0;
    line?.classList.add("log-current");
    line?.scrollIntoView({ block: "center" });
    if (!line) show(trouble, words.lineGone);
  }

  // An instance that came while the page was open can be chosen too.
  function offer({ task_id: task, host, state }) {
    const choice = part("task");
    if ([...choice.options].some((option) => option.value === task)) return;
    choice.add(new Option(`${host || "–"} · ${state} · ${task}`, task), 1);
  }

  function hold(paused, away) {
    isPaused = paused;
    isAway = away;
    list.held = paused || away;
    pauseButton.setAttribute("aria-pressed", String(paused));
    pauseButton.classList.toggle("active", paused);
    changed();
    reader.wake();
  }

  function toEnd() {
    hold(false, false);
    list.toEnd();
  }

  function changed(added = 0) {
    search.refresh();
    part("empty").hidden = list.count > 0;
    newButton.hidden = !list.waiting;
    if (list.waiting) newButton.querySelector("span").textContent = `${words.new}: ${list.waiting.toLocaleString()}`;
    unannounced += added;
    announce();
  }

  // To who listens rather than looks: how much came, now and then, and not every line of a flood.
  function announce() {
    const now = Date.now();
    if (!unannounced || now - announced < ANNOUNCE_MS) return;
    announced = now;
    part("announce").textContent = `${words.new}: ${unannounced.toLocaleString()}`;
    unannounced = 0;
  }

  // Following scrolls too, but only down: who scrolls up wants to read.
  let top = 0;
  viewport.addEventListener("scroll", () => {
    const isUp = viewport.scrollTop < top;
    top = viewport.scrollTop;
    const away = list.isAtEnd ? false : isAway || isUp;
    if (away !== isAway) hold(isPaused, away);
  });
  new ResizeObserver(() => isPaused || isAway || list.toEnd()).observe(viewport);
  pauseButton.addEventListener("click", () => (isPaused ? toEnd() : hold(true, isAway)));
  newButton.addEventListener("click", toEnd);
  part("end").addEventListener("click", toEnd);
  part("next").addEventListener("click", () => search.go(1));
  part("previous").addEventListener("click", () => search.go(-1));
  part("search").addEventListener("keydown", (event) => {
    if (event.key === "Enter") search.go(event.shiftKey ? -1 : 1);
    else if (event.key === "Escape") search.clear();
    else return;
    event.preventDefault();
  });
  card.addEventListener("keydown", (event) => {
    const isTyping = event.target.matches("input, select, textarea, button, a[href]:not([tabindex='-1'])");
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    const action = {
      "/": () => part("search").focus(),
      n: () => search.go(1),
      N: () => search.go(-1),
      " ": () => pauseButton.click(),
      End: toEnd,
    }[event.key];
    if (!action) return;
    event.preventDefault();
    event.stopPropagation(); // `/` elsewhere on the page searches all of Ocean
    action();
  });

  const wrap = part("wrap");
  wrap.checked = localStorage.getItem(WRAP) !== "no";
  const setWrap = () => viewport.classList.toggle("log-wrapped", wrap.checked);
  wrap.addEventListener("change", () => {
    localStorage.setItem(WRAP, wrap.checked ? "yes" : "no");
    setWrap();
  });
  setWrap();
  card.querySelector("form").addEventListener("change", (event) => {
    if (event.target.name) event.currentTarget.requestSubmit();
  });
  hold(isPaused, false);
  viewport.focus({ preventScroll: true });
}

function show(element, text) {
  element.hidden = !text;
  element.textContent = text;
}

const card = document.querySelector("[data-log]");
if (card) start(card);
