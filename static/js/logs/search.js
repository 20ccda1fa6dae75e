// Searching in what is loaded: every place that is in view is marked, and one line is the current one.
const MARKS_A_LINE = 50;
const WAIT_MS = 120;

export class Search {
  #list;
  #input;
  #count;
  #wanted = "";
  #current = null;
  #timer = 0;
  #moved;

  // `moved()` is called when the reader goes to a line.
  constructor(list, { input, count, moved }) {
    this.#list = list;
    this.#input = input;
    this.#count = count;
    this.#moved = moved;
    input.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#begin(), WAIT_MS);
    });
  }

  // Lines came and went, or others are in view.
  refresh() {
    if (!this.#wanted) return;
    this.#look();
  }

  go(step) {
    clearTimeout(this.#timer);
    if (this.#input.value.toLowerCase() !== this.#wanted) this.#begin();
    const found = this.#found();
    if (!found.length) return;
    const at = found.indexOf(this.#current);
    const next = at < 0 ? (step < 0 ? found.length - 1 : this.#firstSeen(found)) : (at + step + found.length) % found.length;
    this.#current?.element.classList.remove("log-current");
    this.#current = found[next];
    this.#current.element.classList.add("log-current");
    this.#moved();
    this.#current.element.scrollIntoView({ block: "center" });
    this.#tell();
  }

  clear() {
    this.#input.value = "";
    this.#begin();
  }

  #begin() {
    this.#wanted = this.#input.value.toLowerCase();
    this.#current?.element.classList.remove("log-current");
    this.#current = null;
    this.#look();
  }

  #look() {
    for (const entry of this.#list) {
      if (entry.searched === this.#wanted) continue;
      entry.searched = this.#wanted;
      entry.isFound = this.#wanted !== "" && (entry.lower ??= entry.text.toLowerCase()).includes(this.#wanted);
    }
    for (const entry of this.#wanted ? this.#list.inView() : this.#list) this.#mark(entry);
    this.#tell();
  }

  #mark(entry) {
    const { element, text, lower } = entry;
    const wanted = entry.isFound ? this.#wanted : "";
    if ((entry.marked ?? "") === wanted) return;
    entry.marked = wanted;
    const what = element.lastElementChild;
    // A few letters are longer in lower case: then places in one are none in the other.
    if (!wanted || lower.length !== text.length) {
      what.textContent = text;
      return;
    }
    const parts = [];
    let from = 0;
    for (let at = lower.indexOf(wanted); at >= 0 && parts.length < 2 * MARKS_A_LINE; at = lower.indexOf(wanted, from)) {
      const mark = document.createElement("mark");
      mark.textContent = text.slice(at, at + wanted.length);
      parts.push(text.slice(from, at), mark);
      from = at + wanted.length;
    }
    what.replaceChildren(...parts, text.slice(from));
  }

  #found() {
    return [...this.#list].filter((entry) => entry.isFound);
  }

  // The first one that is in view or below.
  #firstSeen(found) {
    const top = found[0].element.parentElement.parentElement.getBoundingClientRect().top;
    const at = found.findIndex(({ element }) => element.getBoundingClientRect().bottom > top);
    return Math.max(0, at);
  }

  #tell() {
    const found = this.#wanted ? this.#found() : [];
    const at = found.indexOf(this.#current);
    this.#count.textContent = this.#wanted ? `${at < 0 ? "" : `${at + 1} / `}${found.length}` : "";
  }
}
