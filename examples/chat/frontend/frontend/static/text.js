// Turns a reply's text into elements: paragraphs, lists, code, emphasis. Text becomes
// text nodes and nothing else, so no reply can bring markup of its own.

const FENCE = /^\s*```/;
const ITEM = /^\s*(?:[-*]|(\d+)[.)])\s+/;
const HEADING = /^#{1,6}\s+/;
const INLINE = /(`[^`\n]+`|\*\*[^*\n]+\*\*|\*[^*\s](?:[^*\n]*[^*\s])?\*)/;

export function renderText(text) {
  const result = document.createDocumentFragment();
  const lines = text.split("\n");
  while (lines.length > 0) {
    if (FENCE.test(lines[0])) result.append(takeCode(lines));
    else if (ITEM.test(lines[0])) result.append(takeList(lines));
    else if (HEADING.test(lines[0])) result.append(takeHeading(lines));
    else if (lines[0].trim() === "") lines.shift();
    else result.append(takeParagraph(lines));
  }
  return result;
}

// A fence that is still open runs to the end: the reply may be on its way.
function takeCode(lines) {
  lines.shift();
  const end = lines.findIndex((line) => FENCE.test(line));
  const code = element("code");
  code.textContent = lines.splice(0, end < 0 ? lines.length : end).join("\n");
  lines.shift();
  const block = element("pre", code);
  block.tabIndex = 0;
  block.setAttribute("role", "group");
  block.setAttribute("aria-label", "Code");
  return block;
}

function takeList(lines) {
  const number = ITEM.exec(lines[0])[1];
  const list = element(number ? "ol" : "ul");
  if (number) list.start = Number(number);
  while (lines.length > 0 && ITEM.test(lines[0])) {
    list.append(element("li", ...inline(lines.shift().replace(ITEM, ""))));
  }
  return list;
}

function takeHeading(lines) {
  const words = element("strong", lines.shift().replace(HEADING, ""));
  return element("p", words);
}

function takeParagraph(lines) {
  const taken = [];
  while (lines.length > 0 && lines[0].trim() !== "" && !FENCE.test(lines[0])) {
    if (taken.length > 0 && (ITEM.test(lines[0]) || HEADING.test(lines[0]))) break;
    taken.push(lines.shift());
  }
  return element("p", ...inline(taken.join("\n")));
}

function inline(text) {
  return text.split(INLINE).map((part, number) => {
    if (number % 2 === 0) return part;
    if (part.startsWith("`")) return element("code", part.slice(1, -1));
    if (part.startsWith("**")) return element("strong", part.slice(2, -2));
    return element("em", part.slice(1, -1));
  });
}

export function element(name, ...children) {
  const made = document.createElement(name);
  made.append(...children);
  return made;
}
