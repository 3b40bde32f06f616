// The lines of logs: only those that are visible are in the page, so that a hundred
// thousand cost no more than fifty. Colours become classes; nothing becomes markup.

const ROW = 18;
const MOST = 100000;
const TRIM = 5000;
const SEQUENCE = /\x1b\[([0-9;]*)m/g;

// What colours ask for, as classes.
function readColours(codes, before) {
  const style = {...before};
  const numbers = codes === "" ? [0] : codes.split(";").map(Number);
  for (let at = 0; at < numbers.length; at += 1) {
    const code = numbers[at];
    if (code === 0) Object.keys(style).forEach((name) => delete style[name]);
    else if (code === 1) style.bold = "c-bold";
    else if (code === 2) style.dim = "c-dim";
    else if (code === 4) style.under = "c-under";
    else if (code === 22) { delete style.bold; delete style.dim; }
    else if (code === 24) delete style.under;
    else if (code >= 30 && code <= 37) style.colour = `c-${code - 30}`;
    else if (code >= 90 && code <= 97) style.colour = `c-${code - 82}`;
    else if (code === 39) delete style.colour;
    else if (code === 38) {
      if (numbers[at + 1] === 5) { const n = numbers[at + 2]; if (n < 16) style.colour = `c-${n}`; at += 2; }
      else if (numbers[at + 1] === 2) at += 4;
    } else if (code === 48) at += numbers[at + 1] === 5 ? 2 : 4;
  }
  return style;
}

export function colourLine(text) {
  if (!text.includes("\x1b")) return [document.createTextNode(text)];
  const parts = [];
  let style = {};
  let from = 0;
  const add = (piece) => {
    if (!piece) return;
    const classes = Object.values(style).join(" ");
    if (!classes) { parts.push(document.createTextNode(piece)); return; }
    const span = document.createElement("span");
    span.className = classes;
    span.textContent = piece;
    parts.push(span);
  };
  for (const found of text.matchAll(SEQUENCE)) {
    add(text.slice(from, found.index));
    style = readColours(found[1], style);
    from = found.index + found[0].length;
  }
  add(text.slice(from));
  return parts;
}

export class Lines {
  constructor(say) {
    this.say = say;
    this.holder = document.getElementById("lines");
    this.spacer = document.getElementById("spacer");
    this.shown = document.getElementById("shown");
    this.kept = [];
    this.first = 0;
    this.skipped = 0;
    this.isPaused = false;
    this.follows = true;
    this.isDue = false;
    this.jumps = false;
    this.holder.addEventListener("scroll", () => {
      const rest = this.holder.scrollHeight - this.holder.scrollTop - this.holder.clientHeight;
      if (!this.isPaused) this.follows = rest < ROW * 2;
      this.draw();
    });
  }

  get count() { return this.kept.length - this.first; }

  take(message) {
    if (message.new) {
      this.kept = [];
      this.first = 0;
      this.skipped = 0;
      this.follows = true;
    }
    this.skipped += message.skipped;
    for (const line of message.lines) this.kept.push(line);
    this.trim();
    if (this.jumps && this.count) this.showLastError();
    this.tell();
    this.draw();
  }

  // The oldest go; what is looked at stays where it is.
  trim() {
    const over = this.count - MOST;
    if (over > 0) {
      this.first += over;
      if (this.first > TRIM) { this.kept.splice(0, this.first); this.first = 0; }
      if (this.isPaused || !this.follows) this.holder.scrollTop -= over * ROW;
    }
  }

  tell() {
    const parts = [`${this.count} lines`];
    if (this.skipped) parts.push(`${this.skipped} skipped: this page was too slow`);
    if (this.isPaused) parts.push("paused: new lines are kept below");
    this.say(parts.join(", "));
  }

  pause(isPaused) {
    this.isPaused = isPaused;
    this.follows = !isPaused;
    this.tell();
    this.draw();
  }

  showLastError() {
    for (let at = this.kept.length - 1; at >= this.first; at -= 1) {
      if (this.kept[at][3]) {
        this.follows = false;
        this.spacer.style.height = `${this.count * ROW}px`;
        this.holder.scrollTop = Math.max(0, (at - this.first) * ROW - 120);
        break;
      }
    }
    this.jumps = false;
  }

  draw() {
    if (this.isDue) return;
    this.isDue = true;
    requestAnimationFrame(() => { this.isDue = false; this.drawNow(); });
  }

  drawNow() {
    if (!this.holder.clientHeight) return;
    this.spacer.style.height = `${this.count * ROW}px`;
    if (this.follows && !this.isPaused) this.holder.scrollTop = this.count * ROW;
    const top = Math.max(0, Math.floor(this.holder.scrollTop / ROW) - 5);
    const end = Math.min(this.count, top + Math.ceil(this.holder.clientHeight / ROW) + 10);
    const rows = [];
    for (let at = top; at < end; at += 1) {
      const [, service, text, isError] = this.kept[this.first + at];
      const row = document.createElement("div");
      row.className = isError ? "row error" : "row";
      const who = document.createElement("b");
      who.textContent = service;
      row.append(who, ...colourLine(text));
      rows.push(row);
    }
    this.shown.style.transform = `translateY(${top * ROW}px)`;
    this.shown.replaceChildren(...rows);
  }
}
