// Several services of many: a disclosure with a box for each, for keys and screen readers.

import {make} from "./drawing.js";

const FEW = 3;

export class Choice {
  // `holder` is a <details> with a <summary> and a <fieldset>; `hear` is called when a
  // person has chosen. None chosen means all.
  constructor(holder, hear) {
    this.holder = holder;
    this.hear = hear;
    this.names = [];
    this.chosen = new Set();
    this.list = holder.querySelector(".choices");
    this.said = holder.querySelector("summary span");
    this.list.addEventListener("change", (event) => this.take(event.target));
    holder.addEventListener("keydown", (event) => this.press(event));
    document.addEventListener("click", (event) => {
      if (!holder.contains(event.target)) holder.open = false;
    });
  }

  offer(names) {
    if (names.join("\n") === this.names.join("\n")) return;
    this.names = names;
    const had = this.chosen.size;
    this.chosen = new Set([...this.chosen].filter((name) => names.includes(name)));
    this.list.replaceChildren(...["", ...names].map((name) => {
      const box = make("input", {type: "checkbox", value: name});
      return make("label", {}, box, make("span", {text: name || "all"}));
    }));
    this.show();
    if (this.chosen.size !== had) this.hear();
  }

  choose(names) {
    this.chosen = new Set(names);
    this.show();
  }

  take(box) {
    if (!box.value) this.chosen.clear();
    else if (box.checked) this.chosen.add(box.value);
    else this.chosen.delete(box.value);
    this.show();
    this.hear();
  }

  show() {
    for (const box of this.list.querySelectorAll("input")) {
      box.checked = box.value ? this.chosen.has(box.value) : !this.chosen.size;
    }
    const names = this.names.filter((name) => this.chosen.has(name));
    if (!names.length) this.said.textContent = "all";
    else if (names.length <= FEW) this.said.textContent = names.join(", ");
    else this.said.textContent = `${names.length} of ${this.names.length}`;
  }

  press(event) {
    if (event.key === "Escape" && this.holder.open) {
      this.holder.open = false;
      this.holder.querySelector("summary").focus();
      event.stopPropagation();
      return;
    }
    const boxes = [...this.list.querySelectorAll("input")];
    const at = boxes.indexOf(document.activeElement);
    const isLetter = event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey;
    let next = {ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: boxes.length - 1}[event.key];
    if (isLetter && at >= 0) {
      const turned = [...boxes.slice(at + 1), ...boxes.slice(0, at + 1)];
      next = boxes.indexOf(turned.find((box) => box.value.toLowerCase().startsWith(event.key.toLowerCase())));
    }
    if (next === undefined || !this.holder.open || !boxes[next]) return;
    event.preventDefault();
    boxes[next].focus();
  }
}
