// A drill as it goes on: which fault is where, and a table that fills, in the words that
// the command prints.

import {make} from "./drawing.js";

const VERDICT = 5;
const NOT_YET = "not yet";
const find = (id) => document.getElementById(id);

function describeNow(drill) {
  if (!drill.going) return drill.sum || (drill.code === 0 || drill.code === 1 ? "the drill has ended" : `the drill ended with ${drill.code}`);
  if (!drill.now) return drill.number ? "the drill ends" : "the drill asks each service whether it is well";
  return `fault ${drill.number} of ${drill.faults}: ${drill.now.service} ${drill.now.fault} ${drill.now.stage}`;
}

// The fault that goes on stands in the rows that wait for its verdict.
function findStage(drill, cells) {
  const now = drill.now;
  if (!now || cells[VERDICT] !== NOT_YET) return "";
  return cells[0].endsWith(` -> ${now.service}`) && cells[1] === now.fault ? now.stage.split(";")[0] : "";
}

function drawRow(drill, row) {
  const stage = findStage(drill, row.cells);
  const verdict = row.cells[VERDICT];
  const cells = row.cells.slice(0, VERDICT).map((text, at) => make(at ? "td" : "th", {text, scope: at ? null : "row"}));
  return make("tr", {class: stage ? "now" : verdict.replace(" ", "-")}, ...cells, make("td", {class: "verdict", text: stage || verdict}));
}

function drawEvidence(rows) {
  const parts = [];
  const skipped = new Map();
  for (const {cells, evidence} of rows) {
    if (cells[VERDICT] === "fails") {
      parts.push(make("h3", {text: `${cells[0]}, ${cells[1]}: fails`}), make("pre", {text: evidence.join("\n")}));
    } else if (cells[VERDICT] === "skipped") {
      const what = `${cells[0].split(" -> ")[1]} ${cells[1]}`;
      const why = evidence.join(" ");
      skipped.set(why, (skipped.get(why) || new Set()).add(what));
    }
  }
  for (const [why, whats] of skipped) parts.push(make("p", {class: "soft", text: `skipped: ${[...whats].join(", ")}: ${why}`}));
  return parts;
}

export function drawDrill(drill, rows) {
  const now = describeNow(drill);
  if (find("drill-now").textContent !== now) find("drill-now").textContent = now;
  find("drill-end").hidden = !drill.going;
  find("drill-table").hidden = !rows.length;
  find("drill-heads").replaceChildren(...drill.heads.map((text) => make("th", {text, scope: "col"})));
  find("drill-rows").replaceChildren(...rows.map((row) => drawRow(drill, row)));
  find("drill-evidence").replaceChildren(...drawEvidence(rows));
  find("drill-lines").textContent = drill.lines.join("\n");
  find("drill-said").hidden = !drill.lines.length;
  if (!rows.length && !drill.going) find("drill-said").open = true;
}
