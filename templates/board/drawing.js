// Draws the graph, the boots and the figures. Every text of a stack becomes text,
// never markup: only textContent is used.

export const WORDS = {"left-out": "excluded"};
const SVG = "http://www.w3.org/2000/svg";

export function make(tag, more = {}, ...inner) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(more)) {
    if (name === "class") element.className = value;
    else if (name === "text") element.textContent = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...inner);
  return element;
}

function makeSvg(tag, more) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(more)) element.setAttribute(name, value);
  return element;
}

export function describeAge(since) {
  if (!since) return "";
  const seconds = Math.max(0, (Date.now() - Date.parse(since)) / 1000);
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}

export function describeState(status) {
  if (status.state === "stopped" && !status.since && !status.by) return "not started";
  let text = WORDS[status.state] || status.state;
  if (status.reused) text += ", reused";
  if (status.reachable === false) text += ", unreachable";
  if (status.by) text += `, by ${status.by}`;
  else if (status.exit_code !== undefined && status.state !== "finished") text += ` (${status.exit_code})`;
  if (status.health === "unhealthy") text += ", unhealthy";
  return text;
}

// The graph

export class Graph {
  constructor(choose) {
    this.choose = choose;
    this.holder = document.getElementById("graph");
    this.list = document.getElementById("cards");
    this.links = document.getElementById("links");
    this.cards = new Map();
    this.near = "";
  }

  lay(graph, isNarrow) {
    const layout = isNarrow ? graph.narrow : graph.wide;
    this.boxes = new Map(graph.boxes.map((box) => [box.service, box]));
    this.paths = layout.paths;
    this.holder.classList.toggle("dense", layout.dense);
    this.dense = layout.dense;
    for (const element of [this.links, this.list]) {
      element.style.width = `${layout.width}px`;
      element.style.height = `${layout.height}px`;
    }
    this.links.setAttribute("viewBox", `0 0 ${layout.width} ${layout.height}`);
    const old = this.cards;
    this.cards = new Map();
    for (const [at, place] of layout.cards.entries()) {
      const card = old.get(place.service) || this.makeCard(place.service);
      old.delete(place.service);
      Object.assign(card.style, {
        left: `${place.x}px`, top: `${place.y}px`,
        width: `${place.width}px`, height: `${place.height}px`,
      });
      this.cards.set(place.service, card);
      // Only what has moved is put elsewhere: it would lose the focus.
      if (this.list.children[at] !== card) this.list.insertBefore(card, this.list.children[at] || null);
    }
    for (const card of old.values()) card.remove();
    this.drawLinks(new Map());
  }

  makeCard(name) {
    const card = make("li", {class: "card", "data-service": name});
    card.button = make("button", {type: "button", text: name, onclick: () => this.choose(name)});
    card.state = make("span", {class: "state"});
    card.append(card.button, card.state);
    card.button.addEventListener("focus", () => this.mark(name));
    card.button.addEventListener("blur", () => this.mark(""));
    card.addEventListener("mouseenter", () => this.mark(name));
    card.addEventListener("mouseleave", () => this.mark(""));
    return card;
  }

  mark(name) {
    this.near = name;
    for (const line of this.links.querySelectorAll(".link")) {
      line.classList.toggle("near", name !== "" && (line.dataset.from === name || line.dataset.to === name));
    }
  }

  drawLinks(statuses) {
    const isOut = (name) => (statuses.get(name) || {}).state === "left-out" || Boolean((this.boxes.get(name) || {}).reason && !statuses.has(name));
    const tip = makeSvg("marker", {id: "tip", viewBox: "0 0 8 8", refX: 8, refY: 4, markerWidth: 8, markerHeight: 8, orient: "auto"});
    tip.append(makeSvg("path", {class: "tip", d: "M0 0L8 4L0 8z"}));
    const lines = this.paths.map((path) => {
      const kinds = ["link", path.optional ? "optional" : "", isOut(path.service) || isOut(path.needed) ? "faint" : ""];
      const line = makeSvg("path", {class: kinds.filter(Boolean).join(" "), d: path.line});
      line.dataset.from = path.needed;
      line.dataset.to = path.service;
      if (path.kind === "job") line.setAttribute("marker-end", "url(#tip)");
      return line;
    });
    this.links.replaceChildren(tip, ...lines);
    if (this.near) this.mark(this.near);
  }

  show(name, status) {
    const card = this.cards.get(name);
    const box = this.boxes.get(name);
    if (!card || !box) return;
    const state = status ? status.state : box.reason ? "left-out" : "stopped";
    const isChosen = card.classList.contains("chosen");
    card.className = `card ${state}${isChosen ? " chosen" : ""}`;
    const words = status ? describeState(status) : WORDS[state] || "not started";
    const kind = box.kind === "service" ? "" : `${box.kind}, `;
    const because = (status && status.reason) || box.reason;
    card.state.textContent = kind + words + (state === "left-out" && because && !this.dense ? `: ${because}` : "");
    const below = this.describe(status || {}, box, state);
    const instead = ((status && status.instead) || []).concat(box.instead);
    card.title = [name, kind + words, state === "left-out" ? because : "", ...(state === "left-out" ? new Set(instead) : []), box.when].filter(Boolean).join("\n");
    card.button.setAttribute("aria-label", `${name}: ${kind}${words}${state === "left-out" && because ? `, ${because}` : ""}`);
    // Line by line, and only where it differs: a link keeps the focus.
    const lines = [...card.children].slice(2);
    below.forEach((line, at) => {
      if (!lines[at]) card.append(line);
      else if (!lines[at].isEqualNode(line)) lines[at].replaceWith(line);
    });
    for (const line of lines.slice(below.length)) line.remove();
  }

  describe(status, box, state) {
    if (state === "left-out") {
      const instead = status.instead && status.instead.length ? status.instead : box.instead;
      const lines = this.dense ? [status.reason || box.reason] : instead;
      return lines.filter(Boolean).slice(0, 2).map((text) => make("span", {text}));
    }
    const below = [];
    if (status.address && state !== "stopped" && /^https?:/.test(status.address)) {
      below.push(make("a", {href: status.address, target: "_blank", rel: "noreferrer noopener", text: status.address}));
    } else {
      const text = status.address || (status.pid !== undefined ? `pid ${status.pid}` : status.image || box.what);
      if (text) below.push(make("span", {text}));
    }
    const facts = [];
    if (status.since && state !== "stopped") facts.push(`since ${describeAge(status.since)}`);
    if (status.restarts) facts.push(status.restarts === 1 ? "1 restart" : `${status.restarts} restarts`);
    if (status.health === "none") facts.push("no health check");
    if (facts.length && !this.dense) below.push(make("span", {class: "facts", text: facts.join(", ")}));
    return below;
  }
}

// Boots

function drawBars(boot, end) {
  const path = new Set(boot.path.length > 1 ? boot.path : []);
  const rows = [];
  for (const each of boot.services) {
    const start = each.started === null ? end : Math.min(each.started, end);
    const stop = each.ready === null ? end : Math.min(Math.max(each.ready, start), end);
    const bar = make("div", {class: "bar"});
    const parts = [["wait", 0, start], ["boots", start, stop]];
    if (each.ready !== null) parts.push(["up", stop, end]);
    for (const [kind, first, last] of parts) {
      if (last <= first) continue;
      const part = make("i", {class: kind});
      part.style.left = `${(first / end) * 100}%`;
      part.style.width = `${Math.max(0.3, ((last - first) / end) * 100)}%`;
      bar.append(part);
    }
    const bold = path.has(each.service) ? " critical" : "";
    const ready = each.ready !== null ? `${each.ready.toFixed(1)} s` : boot.going ? (each.started === null ? "waits" : "boots") : "never ready";
    rows.push(make("span", {class: `who${bold}`, text: each.service}), bar, make("span", {class: `when${bold}`, text: ready}));
  }
  return rows;
}

function measureBoot(boot) {
  const moments = boot.services.flatMap((each) => [each.started || 0, each.ready || 0]);
  if (boot.going) moments.push(Date.now() / 1000 - boot.began);
  return Math.max(0.1, boot.total || 0, ...moments);
}

function sayEnd(boot) {
  if (boot.going) return "goes on";
  if (typeof boot.interrupted === "number") return `interrupted after ${boot.interrupted.toFixed(1)} s`;
  return boot.total === null ? "did not come up" : `${boot.total.toFixed(1)} s`;
}

export function drawBoots(holder, boots) {
  if (!boots.length) {
    holder.replaceChildren(make("p", {class: "soft", text: "no boot was seen here yet"}));
    return;
  }
  const newest = boots[boots.length - 1];
  const total = sayEnd(newest);
  const title = make("p", {}, `${new Date(newest.began * 1000).toLocaleString()}: ${total}${newest.flags ? `, ${newest.flags}` : ""}`);
  const bars = make("div", {class: "bars", role: "img", "aria-label": `boot: ${newest.services.map((each) => `${each.service} ${each.ready === null ? "not ready" : `${each.ready.toFixed(1)} s`}`).join(", ")}`}, ...drawBars(newest, measureBoot(newest)));
  const path = make("p", {class: "soft", text: newest.path.length > 1 ? `critical path: ${newest.path.join(" -> ")}` : ""});
  const longest = Math.max(...boots.map(measureBoot));
  const rows = boots.slice().reverse().map((boot) => {
    const bar = make("div", {class: "bar"});
    const part = make("i", {class: boot.total === null ? "boots" : "up"});
    part.style.width = `${(measureBoot(boot) / longest) * 100}%`;
    bar.append(part);
    return make("tr", {}, make("td", {text: new Date(boot.began * 1000).toLocaleString()}), make("td", {}, bar), make("td", {text: sayEnd(boot)}), make("td", {text: boot.path[boot.path.length - 1] ? `last: ${boot.path[boot.path.length - 1]}` : ""}), make("td", {class: "soft", text: boot.flags || ""}));
  });
  holder.replaceChildren(title, bars, path, make("h3", {text: boots.length > 1 ? `The last ${boots.length} boots` : "The last boot"}), make("table", {class: "history"}, make("tbody", {}, ...rows)));
}

// Figures

const KINDS = [["cpu", "CPU", (v) => `${v.toFixed(1)} %`], ["memory", "memory", (v) => describeSize(v)], ["received", "received", (v) => `${describeSize(v)}/s`], ["sent", "sent", (v) => `${describeSize(v)}/s`]];

export function describeSize(bytes) {
  let amount = bytes;
  for (const unit of ["B", "kB", "MB", "GB"]) {
    if (amount < 1000 || unit === "GB") return `${amount < 10 && unit !== "B" ? amount.toFixed(1) : Math.round(amount)} ${unit}`;
    amount /= 1000;
  }
  return "";
}

export function drawFigures(holder, samples, names) {
  const charts = [];
  for (const name of names) {
    const own = samples.filter((each) => each.services[name]);
    if (!own.length) continue;
    const chart = make("div", {class: "chart"}, make("h3", {text: name}));
    for (const [key, label, word] of KINDS) {
      const points = own.filter((each) => each.services[name][key] !== undefined);
      if (!points.length) continue;
      const values = points.map((each) => each.services[name][key]);
      const most = Math.max(...values, 1e-9);
      const first = samples[0].at;
      const span = Math.max(1, samples[samples.length - 1].at - first);
      const line = points.map((each, at) => `${(((each.at - first) / span) * 300).toFixed(1)},${(42 - (values[at] / most) * 38).toFixed(1)}`).join(" ");
      const picture = makeSvg("svg", {viewBox: "0 0 300 44", preserveAspectRatio: "none", role: "img", "aria-label": `${label} of ${name}: now ${word(values[values.length - 1])}, at most ${word(most)}`});
      picture.append(makeSvg("polyline", {points: line}));
      chart.append(make("div", {class: "what"}, make("span", {text: label}), make("span", {text: `${word(values[values.length - 1])}, at most ${word(most)}`})), picture);
    }
    charts.push(chart);
  }
  if (charts.length) holder.replaceChildren(make("div", {class: "charts"}, ...charts));
  else holder.replaceChildren(make("p", {class: "soft", text: "nothing was measured here yet"}));
}
