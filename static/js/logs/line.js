// One line of a log as an element: when, who, what. Everything is text; nothing of it is ever read as HTML.
// Colour codes and other commands to terminals say nothing to a browser.
const TERMINAL = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g;
const COLOURS = 8;

export class Lines {
  #clock;
  #day;
  #today;
  #words;
  #hosts = new Map();

  constructor({ zone, words }) {
    const options = { timeZone: zone, hourCycle: "h23" };
    this.#clock = new Intl.DateTimeFormat("en-GB", {
      ...options, hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3,
    });
    this.#day = new Intl.DateTimeFormat("sv-SE", { ...options, dateStyle: "short" });
    this.#today = this.#day.format(new Date());
    this.#words = words;
  }

  // { element, text, letters }: `text` is what is searched.
  make(line) {
    const plain = line.text.includes("\u001b") ? line.text.replace(TERMINAL, "") : line.text;
    const text = line.cut ? `${plain} ↩` : plain;
    const element = document.createElement("div");
    element.className = this.#classes(line);
    element.append(this.#time(line), this.#who(line), this.#what(line, text));
    if (line.position) element.dataset.position = line.position;
    return { element, text, letters: text.length };
  }

  #classes({ source, file, level }) {
    if (source === "log") return file === "stderr" ? "log-line log-stderr" : "log-line";
    return `log-line log-told log-${level || "info"}`;
  }

  #time(line) {
    const at = new Date(line.time);
    const day = this.#day.format(at);
    const time = document.createElement("a");
    time.className = "log-time";
    time.tabIndex = -1; // 5,000 stops for the tab key would be none
    time.textContent = `${day === this.#today ? "" : `${day.slice(5)} `}${line.estimated ? "~" : ""}${this.#clock.format(at)}`;
    if (line.estimated) time.title = this.#words.estimated;
    if (line.operation) time.href = this.#words.operation.replace("/0/", `/${line.operation}/`);
    else if (line.position) time.href = `?${new URLSearchParams({ task: line.task_id, file: line.file, at: line.position })}`;
    return time;
  }

  #who(line) {
    const who = document.createElement("span");
    who.className = "log-who";
    if (line.source === "operation") who.textContent = this.#words.step;
    else if (line.source === "event") who.textContent = this.#words.event;
    else {
      who.classList.add(`log-colour-${this.#colour(line.task_id)}`);
      who.textContent = `${(line.host || "–").split(".")[0]} ${unit(line.task_id)}`;
      who.title = `${line.host} ${line.task_id} ${line.version ? `v${line.version}` : ""} ${line.file}`;
    }
    return who;
  }

  #what(line, text) {
    const what = document.createElement("span");
    what.className = "log-text";
    what.textContent = text;
    return what;
  }

  #colour(task) {
    if (!this.#hosts.has(task)) this.#hosts.set(task, this.#hosts.size % COLOURS);
    return this.#hosts.get(task);
  }
}

// What is the instance's own in a task's id, as short as tells it apart: of Marathon's UUIDs, which are made of the time, the
// letters that change first.
function unit(task) {
  return /instance-[0-9a-f]{4}([0-9a-f]{4})/.exec(task)?.[1] ?? task.slice(-4);
}
