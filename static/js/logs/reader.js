// Reads the merged log over the API, page by page, for as long as somebody looks: every second, twice as often while there is
// more, less and less while Ocean cannot be reached. Where it is stands in the cursor that each answer brings.
const EVERY_MS = 1_000;
const MORE_MS = 500;
const TIMEOUT_MS = 20_000;
const RETRY_MAX_MS = 15_000;
const LIMIT = 1_000;

export class Reader {
  #address;
  #query;
  #cursor = "";
  #failures = 0;
  #timer = 0;
  #on;
  #mayRead;

  // `on`: { page(body), trouble(kind), fine() }, trouble being `away` (it is tried again) or `ended` (it is not).
  // `mayRead()`: whether what comes could be kept.
  constructor(address, query, { on, mayRead }) {
    this.#address = address;
    this.#query = query;
    this.#on = on;
    this.#mayRead = mayRead;
    document.addEventListener("visibilitychange", () => document.hidden || this.wake());
  }

  // Look now.
  wake() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#turn());
  }

  #again(ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#turn(), ms);
  }

  async #turn() {
    if (document.hidden || !this.#mayRead()) return this.#again(EVERY_MS);
    const query = new URLSearchParams(this.#query);
    query.set("limit", LIMIT);
    if (this.#cursor) {
      query.delete("at");
      query.set("cursor", this.#cursor);
    }
    let answer;
    try {
      answer = await fetch(`${this.#address}?${query}`, {
        headers: { Accept: "application/json" }, signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      if (answer.ok) return this.#read(await answer.json());
    } catch {
      return this.#failed();
    }
    if (answer.status === 400 && this.#cursor) this.#cursor = ""; // of an older release: begin anew
    else if ([400, 401, 403, 404].includes(answer.status)) return this.#on.trouble("ended");
    return this.#failed();
  }

  #read(body) {
    this.#cursor = body.cursor;
    if (this.#failures) this.#on.fine();
    this.#failures = 0;
    this.#on.page(body);
    this.#again(body.more ? MORE_MS : EVERY_MS);
  }

  #failed() {
    this.#failures += 1;
    this.#on.trouble("away");
    this.#again(Math.min(RETRY_MAX_MS, EVERY_MS * 2 ** Math.min(this.#failures, 4)));
  }
}
