// The lines that are loaded, the latest of them: what comes is drawn once a frame, what has long scrolled by is dropped, so a
// page left open beside a fast log stays light. While the reader holds the list, what comes waits outside.
const KEPT_LINES = 5_000;
const KEPT_LETTERS = 2_000_000;
const CHUNK_LINES = 100;
const FRAME_LINES = 400;
const NEAR_END_PX = 24;

export class LineList {
  #viewport;
  #lines;
  #chunks = [];
  #coming = [];
  #waiting = [];
  #lost = 0;
  #count = 0;
  #letters = 0;
  #frame = 0;
  #held = false;
  #changed;
  #seen = new Set();
  #observer;
  // The heights of chunks that are out of view are guesses: as one comes into view the end moves.
  #sizes = new ResizeObserver(() => this.#held || this.toEnd());

  // `changed(added)` is called after what is shown, in view, or waits has changed.
  constructor(viewport, lines, changed) {
    this.#viewport = viewport;
    this.#lines = lines;
    this.#changed = changed;
    this.#observer = new IntersectionObserver((entries) => this.#see(entries), { root: viewport });
  }

  get waiting() {
    return this.#waiting.length + this.#lost;
  }

  get count() {
    return this.#count;
  }

  get isFull() {
    return this.#waiting.length >= KEPT_LINES;
  }

  get isAtEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.#viewport;
    return scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
  }

  // While it is held nothing moves: lines wait, and of those the latest are kept.
  set held(held) {
    this.#held = held;
    if (!held && this.#waiting.length) {
      this.#coming.push(...this.#waiting);
      this.#waiting = [];
      this.#lost = 0;
      this.#schedule();
    }
  }

  add(lines) {
    if (!lines.length) return;
    if (this.#held) {
      this.#lost += trim(this.#waiting, lines);
      this.#changed();
    } else {
      trim(this.#coming, lines);
      this.#schedule();
    }
  }

  // The lines in view, with some around them.
  *inView() {
    for (const chunk of this.#chunks) if (this.#seen.has(chunk.element)) yield* chunk.entries;
  }

  toEnd() {
    this.#viewport.scrollTop = this.#viewport.scrollHeight;
  }

  *[Symbol.iterator]() {
    for (const chunk of this.#chunks) yield* chunk.entries;
  }

  #see(entries) {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) this.#seen.add(target);
      else this.#seen.delete(target);
    }
    this.#changed();
  }

  #schedule() {
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.#frame = 0;
    const some = this.#coming.splice(0, FRAME_LINES);
    for (const line of some) this.#append(this.#lines.make(line));
    this.#drop();
    if (!this.#held) this.toEnd();
    this.#changed(some.length);
    if (this.#coming.length) this.#schedule();
  }

  #append(entry) {
    let chunk = this.#chunks.at(-1);
    if (!chunk || chunk.entries.length >= CHUNK_LINES) {
      chunk = { element: document.createElement("div"), entries: [], letters: 0 };
      chunk.element.className = "log-chunk";
      this.#chunks.push(chunk);
      this.#viewport.append(chunk.element);
      this.#observer.observe(chunk.element);
      this.#sizes.observe(chunk.element);
    }
    chunk.element.append(entry.element);
    chunk.entries.push(entry);
    chunk.letters += entry.letters;
    this.#count += 1;
    this.#letters += entry.letters;
  }

  #drop() {
    while (this.#chunks.length > 1 && (this.#count > KEPT_LINES || this.#letters > KEPT_LETTERS)) {
      const { element, entries, letters } = this.#chunks.shift();
      element.remove();
      this.#observer.unobserve(element);
      this.#sizes.unobserve(element);
      this.#seen.delete(element);
      this.#count -= entries.length;
      this.#letters -= letters;
    }
  }
}

// Adds `lines`, keeping the latest; returns how many had to go.
function trim(list, lines) {
  list.push(...lines);
  const over = Math.max(0, list.length - KEPT_LINES);
  if (over) list.splice(0, over);
  return over;
}
