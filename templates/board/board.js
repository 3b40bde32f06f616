// The page: one WebSocket with the board, a snapshot and then changes.

import {Choice} from "./choice.js";
import {Graph, describeAge, describeState, drawBoots, drawFigures, make} from "./drawing.js";
import {drawDrill} from "./drill.js";
import {Lines} from "./lines.js";

const find = (id) => document.getElementById(id);
const token = readToken();
const values = new Map();
const statuses = new Map();
let number = -1;
let socket = null;
let pause = 250;
let chosen = "";
let why = null;
let samples = [];
let isNarrow = null;
const graph = new Graph(choose);
const choice = new Choice(find("log-services"), wantLogs);
const lines = new Lines((text) => { find("log-state").textContent = text; });

function readToken() {
  const given = location.hash.slice(1);
  if (given && given !== "graph") {
    sessionStorage.setItem("token", given);
    history.replaceState(null, "", location.pathname);
  }
  return sessionStorage.getItem("token") || "";
}

// The connection

function connect() {
  socket = new WebSocket(`ws://${location.host}/live`);
  socket.addEventListener("open", () => { socket.send(JSON.stringify({token})); wantLogs(); });
  socket.addEventListener("message", (event) => take(JSON.parse(event.data)));
  socket.addEventListener("close", (event) => {
    const isWrong = event.code === 4401;
    showLink(isWrong ? "wrong address: open the one that the board printed" : "no connection: trying again", true);
    if (isWrong) return;
    setTimeout(connect, pause);
    pause = Math.min(5000, pause * 2);
  });
}

function showLink(text, isLost) {
  const link = find("link");
  if (link.textContent !== text) link.textContent = text;
  link.classList.toggle("lost", isLost);
  document.body.classList.toggle("lost", isLost);
}

const send = (message) => { if (socket && socket.readyState === 1) socket.send(JSON.stringify(message)); };

function take(message) {
  switch (message.type) {
    case "snapshot":
      pause = 250;
      showLink("live", false);
      values.clear();
      statuses.clear();
      number = message.number;
      apply(message.set, true);
      break;
    case "change":
      if (message.number <= number) break;
      if (message.number !== number + 1) { send({do: "snapshot"}); break; }
      number = message.number;
      apply(message.set, false);
      break;
    case "lines": lines.take(message); break;
    case "figures":
      samples = (message.all ? message.samples : samples.concat(message.samples)).slice(-300);
      if (!find("figures").hidden) showFigures();
      break;
    case "why": if (message.service === chosen) { why = message; showDetail(); } break;
  }
}

function apply(set, isAll) {
  const changed = new Set();
  for (const [name, value] of Object.entries(set)) {
    const [kind, service] = name.split(/\/(.*)/s);
    if (kind === "status") {
      if (value === null) statuses.delete(service); else statuses.set(service, value);
      changed.add(service);
    } else if (value === null) values.delete(name);
    else values.set(name, value);
  }
  if (isAll || "graph" in set) showGraph();
  else for (const name of changed) graph.show(name, statuses.get(name));
  if (changed.size && !(isAll || "graph" in set)) graph.drawLinks(statuses);
  if (isAll || "stack" in set || "place" in set || "trouble" in set) showHead();
  if (isAll || "boots" in set) showBoots();
  if (isAll || "happened" in set) showHappened(isAll);
  if (isAll || "drill" in set || "drill-rows" in set) showDrill();
  if (isAll || "graph" in set || changed.has(chosen)) { if (chosen) askWhy(); showDetail(); }
  document.body.classList.toggle("read-only", Boolean(values.get("readOnly")));
  for (const button of document.querySelectorAll("header .acting")) button.hidden = Boolean(values.get("readOnly"));
}

// What is always there

function showHead() {
  const stack = values.get("stack") || {};
  const place = values.get("place") || {};
  find("name").textContent = stack.name || "composegen board";
  document.title = `${stack.name || "composegen"} - board`;
  const words = {processes: "as processes", engine: "on the engine", kubernetes: "on the cluster"};
  let text = "nothing runs here: composegen up, or composegen run, starts it";
  if (place.running) text = `${place.up ? "up" : "not up"} ${words[place.name] || ""}`;
  else if (place.ended) text = "the run has ended; this is how its services were: composegen run, or composegen up, starts it again";
  find("where").textContent = values.has("place") ? text : "looking";
  const trouble = values.get("trouble");
  const banner = find("trouble");
  banner.hidden = !trouble;
  if (trouble) banner.replaceChildren(make("strong", {text: trouble.message}), make("code", {text: trouble.help || ""}));
  const notes = place.notes || [];
  find("notes").hidden = !notes.length;
  find("notes").replaceChildren(...notes.map((each) => make("li", {text: each})));
}

function showGraph() {
  const made = values.get("graph");
  if (!made) return;
  isNarrow = isTooNarrow(made);
  graph.lay(made, isNarrow);
  for (const box of made.boxes) graph.show(box.service, statuses.get(box.service));
  graph.drawLinks(statuses);
  markChosen();
  choice.offer(made.boxes.map((box) => box.service));
}

// The wide layout where there is room for it: less of it while a service is open beside.
const isTooNarrow = (made) => find("graph").clientWidth < made.wide.width;
new ResizeObserver(() => {
  const made = values.get("graph");
  if (made && isTooNarrow(made) !== isNarrow) showGraph();
}).observe(find("graph"));

const showBoots = () => { if (!find("boot").hidden) drawBoots(find("boot"), values.get("boots") || []); };
const showFigures = () => drawFigures(find("figures"), samples, ((values.get("graph") || {}).boxes || []).map((box) => box.service));

function showHappened(isAll) {
  const all = values.get("happened") || [];
  find("happened").replaceChildren(...all.slice().reverse().map((each) => make("li", {text: `${new Date(each.at * 1000).toLocaleTimeString()} ${each.service} ${each.text}`})));
  const last = all[all.length - 1];
  if (last && !isAll) say(`${last.service} ${last.text}`);
}

function say(text) {
  const line = make("p", {text});
  find("said").append(line);
  while (find("said").childElementCount > 3) find("said").firstElementChild.remove();
  setTimeout(() => line.remove(), 6000);
}

// One service, and why it is not well

function choose(name) {
  chosen = chosen === name ? "" : name;
  why = null;
  markChosen();
  if (chosen) askWhy();
  showDetail();
  if (chosen) find("detail").focus({preventScroll: true});
}

function markChosen() {
  for (const [name, card] of graph.cards) card.classList.toggle("chosen", name === chosen);
}

const isWell = (status) => status && ["ready", "finished"].includes(status.state) && status.health !== "unhealthy";

function askWhy() {
  if (!isWell(statuses.get(chosen))) send({do: "why", service: chosen}); else why = null;
}

function closeDetail() {
  const card = graph.cards.get(chosen);
  chosen = "";
  markChosen();
  showDetail();
  if (card) card.button.focus();
}
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && chosen && !document.querySelector("dialog[open]")) closeDetail();
});

function showDetail() {
  const detail = find("detail");
  detail.hidden = !chosen;
  if (!chosen) { detail.replaceChildren(); return; }
  const status = statuses.get(chosen) || {};
  const box = ((values.get("graph") || {}).boxes || []).find((each) => each.service === chosen) || {};
  const facts = [["state", status.state ? describeState(status) : "not started"], ["health", status.health], ["since", status.since ? `${new Date(status.since).toLocaleString()} (${describeAge(status.since)})` : ""], ["restarts", status.restarts], ["address", status.address], ["pid", status.pid], ["image", status.image || box.what], ["starts", box.when], ["excluded", status.reason || box.reason]];
  const list = make("dl");
  for (const [name, value] of facts) {
    if (value === undefined || value === null || value === "") continue;
    list.append(make("dt", {text: name}), make("dd", {text: String(value)}));
  }
  for (const each of new Set([...(status.instead || []), ...(box.instead || [])])) list.append(make("dt", {text: "instead"}), make("dd", {text: each}));
  const name = chosen;
  const buttons = make("div", {class: "acts"}, make("button", {type: "button", text: "Show its log", onclick: () => showLog(name)}));
  if (!values.get("readOnly")) {
    const isOn = ["ready", "starting", "waiting", "failed"].includes(status.state);
    for (const [act, label, can] of [["start", "Start", !isOn || status.state === "failed"], ["stop", "Stop", isOn], ["restart", "Restart", isOn]]) {
      const button = make("button", {type: "button", class: "acting", text: label, onclick: () => act_(act, [name])});
      button.disabled = !can;
      buttons.append(button);
    }
  }
  const top = make("div", {class: "top"}, make("h2", {text: chosen}), make("button", {type: "button", text: "Close", onclick: closeDetail}));
  const active = document.activeElement;
  const had = active !== detail && detail.contains(active) ? active.textContent : null;
  detail.replaceChildren(top, buttons, list, ...describeWhy());
  if (had === null) return;
  // Its button is another element now, and may be one that can do nothing.
  const again = [...detail.querySelectorAll("button")].find((each) => each.textContent === had && !each.disabled);
  (again || detail).focus({preventScroll: true});
}

function describeWhy() {
  if (!why) return [];
  const parts = [];
  for (const note of [why.heading, ...why.notes]) if (note) parts.push(make("p", {class: "soft", text: note}));
  for (const each of why.reasons) {
    parts.push(make("h3", {text: `Why: ${each.chain.join(" -> ")}`}));
    for (const [name, text] of [["", each.reason], ["cause: ", each.cause], ["its check got: ", each.answer]]) if (text) parts.push(make("p", {text: name + text}));
    if (each.help) {
      const copy = make("button", {type: "button", text: "Copy", onclick: () => navigator.clipboard.writeText(each.help).then(() => say("copied"))});
      parts.push(make("h3", {text: "Help"}), make("pre", {text: each.help}), copy);
    }
    if (each.check.length) parts.push(make("h3", {text: "Its check"}), make("pre", {text: each.check.join("\n")}));
    if (each.lines.length) {
      parts.push(make("h3", {text: "Its last lines"}), make("pre", {text: each.lines.join("\n")}));
      parts.push(make("button", {type: "button", text: "Show them in its log", onclick: () => showLog(each.service || chosen)}));
    }
  }
  return parts;
}

// Acts

async function act_(act, services) {
  say(`${act} ${services.join(" ")} ..`);
  try {
    const answer = await fetch("/acts", {method: "POST", headers: {Authorization: `Bearer ${token}`, "Content-Type": "application/json"}, body: JSON.stringify({act, services})});
    if (!answer.ok) { say(answer.status === 405 ? "this board is read-only" : `refused (${answer.status})`); return; }
    const told = await answer.json();
    if (told.error) say(told.help ? `${told.error}: ${told.help}` : told.error);
    for (const line of told.said || []) say(line);
  } catch { say("the board does not answer"); }
}

function ask(text, then) {
  const dialog = find("question");
  find("question-text").textContent = text;
  dialog.onclose = () => { if (dialog.returnValue === "yes") then(); dialog.returnValue = ""; };
  dialog.showModal();
}
find("down").addEventListener("click", () => ask("Take all services of this stack down? Volumes are kept.", () => act_("down", [])));
find("drill").addEventListener("click", () => {
  if ((values.get("drill") || {}).going) { open(find("tab-drill")); return; }
  ask(chosen ? `Drill ${chosen}? It is stopped, killed, frozen and cut off, and brought back.` : "Drill the stack? Each service that others need is stopped, killed, frozen and cut off, and brought back.", () => {
    find("tab-drill").hidden = false;
    open(find("tab-drill"));
    act_("drill", chosen ? [chosen] : []);
  });
});
find("drill-end").addEventListener("click", () => act_("end-drill", []));

function showDrill() {
  const drill = values.get("drill");
  find("tab-drill").hidden = !drill;
  if (drill) drawDrill(drill, values.get("drill-rows") || []);
}

// Panels

const tabs = [...document.querySelectorAll("[role=tab]")];
function open(tab) {
  for (const each of tabs) {
    const isOpen = each === tab;
    each.setAttribute("aria-selected", String(isOpen));
    each.tabIndex = isOpen ? 0 : -1;
    find(each.getAttribute("aria-controls")).hidden = !isOpen;
  }
  if (tab.id === "tab-boot") showBoots();
  if (tab.id === "tab-figures") showFigures();
  if (tab.id === "tab-logs") wantLogs(); else send({do: "no-logs"});
}
tabs.forEach((tab) => {
  tab.addEventListener("click", () => open(tab));
  tab.addEventListener("keydown", (event) => {
    const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
    if (!step) return;
    const shown = tabs.filter((each) => !each.hidden);
    const next = shown[(shown.indexOf(tab) + step + shown.length) % shown.length];
    open(next);
    next.focus();
  });
});

function wantLogs() {
  if (find("logs").hidden) return;
  send({do: "logs", services: [...choice.chosen], text: find("log-text").value, errors: find("log-errors").checked});
}

function showLog(name) {
  choice.choose([name]);
  find("log-text").value = "";
  find("log-errors").checked = false;
  lines.jumps = !isWell(statuses.get(name));
  open(find("tab-logs"));
  find("logs").scrollIntoView({block: "nearest"});
}
let typing = 0;
find("log-text").addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(wantLogs, 200); });
find("log-errors").addEventListener("change", wantLogs);
find("log-pause").addEventListener("click", () => {
  lines.pause(!lines.isPaused);
  find("log-pause").setAttribute("aria-pressed", String(lines.isPaused));
  find("log-pause").textContent = lines.isPaused ? "Go on" : "Pause";
});

// Time passes: ages, and bars that grow
setInterval(() => {
  const boots = values.get("boots") || [];
  if (boots.length && boots[boots.length - 1].going) showBoots();
}, 250);
setInterval(() => {
  if (document.hidden) return;
  for (const [name, status] of statuses) graph.show(name, status);
}, 10000);

connect();
