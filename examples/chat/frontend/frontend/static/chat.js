// The page: what was said, the message being written, and how the router is.

import { Failure, forgetSession, loadMessages, loadStatus } from "./api.js";
import { makeId, sendTurn } from "./api.js";
import { element, renderText } from "./text.js";

const find = (id) => document.getElementById(id);
const [scroll, welcome, messages] = ["scroll", "welcome", "messages"].map(find);
const [banner, about, announcer] = ["banner", "about", "announcer"].map(find);
const [composer, message] = ["composer", "message"].map(find);
const [sendButton, stopButton, newButton] = ["send", "stop", "new"].map(find);

const LONGEST_MESSAGE = 64 * 1024;
const CALM = 10_000; // between two looks at a healthy stack, in milliseconds
const ANXIOUS = 1_500; // while something is away
const BACK_FOR = 2_500; // how long the banner says that all is well again

let loaded = false; // whether the stored conversation has been shown
let session = localStorage.getItem("chat.session") ?? beginSession();
let reply = null; // the AbortController of the reply that is being written
let state = "fine"; // fine, degraded, starting, away, unreachable

// The session: its id stays in this browser, the user's in a cookie out of reach.

function beginSession() {
  const id = makeId();
  localStorage.setItem("chat.session", id);
  loaded = true; // there is nothing to load
  return id;
}

async function showConversation() {
  const current = session;
  const stored = await loadMessages(current);
  if (current !== session || loaded || reply) return;
  // A router that cannot reach Redis may not know what is stored there.
  if (stored === null && state === "degraded") return;
  loaded = true;
  const saidMeanwhile = [...messages.children];
  messages.replaceChildren();
  for (const { role, content, interrupted } of stored ?? []) {
    const shown = role === "user" ? showQuestion(content) : showReply();
    if (role === "assistant") {
      shown.write(content);
      shown.end(interrupted ? "Stopped" : "");
    }
  }
  messages.append(...saidMeanwhile);
  showWelcome();
  scroll.scrollTop = scroll.scrollHeight;
}

// After the router was away it may have forgotten what is on the page.
async function noticeForgotten() {
  if (reply || messages.childElementCount === 0) return;
  if (messages.lastElementChild.className === "forgotten") return;
  if ((await loadMessages(session)) !== null || reply) return;
  const words = "The router has forgotten what was said above";
  const line = element("li", element("span", words));
  line.className = "forgotten";
  follow(() => messages.append(line));
}

function startAnew() {
  reply?.abort();
  // One that has not been shown yet may be stored all the same.
  if (!loaded || messages.childElementCount > 0) forgetSession(session).catch(() => {});
  session = beginSession();
  messages.replaceChildren();
  showWelcome();
  announce("New conversation");
  message.focus();
}

// Messages.

function showQuestion(text) {
  const said = element("div", text);
  said.className = "text";
  return showMessage("user", "You said", said);
}

function showReply() {
  const body = element("div");
  body.className = "text";
  const note = element("p");
  note.className = "note";
  const shown = showMessage("assistant", "Reply", body, note);
  shown.setAttribute("aria-busy", "true");
  let text = "";
  let frame = 0;
  const draw = () => {
    cancelAnimationFrame(frame);
    frame = 0;
    follow(() => body.replaceChildren(renderText(text)));
  };
  return {
    element: shown,
    get text() {
      return text;
    },
    write(piece) {
      text += piece;
      frame ||= requestAnimationFrame(draw);
    },
    end(words, ...actions) {
      draw();
      shown.removeAttribute("aria-busy");
      follow(() => note.replaceChildren(words, ...actions));
    },
    fail(words, retry) {
      const again = element("button", "Try again");
      again.type = "button";
      again.addEventListener("click", retry);
      shown.classList.add("failed");
      this.end(words, again);
    },
  };
}

function showMessage(role, label, ...parts) {
  const heading = element("h2", label);
  heading.className = "unseen";
  const shown = element("li", heading, ...parts);
  shown.className = `message ${role}`;
  follow(() => messages.append(shown));
  showWelcome();
  return shown;
}

function showWelcome() {
  welcome.hidden = !loaded || messages.childElementCount > 0;
}

// Stay at the end, unless the reader has gone up to read.
function follow(change) {
  const gap = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight;
  change();
  if (gap < 80) scroll.scrollTop = scroll.scrollHeight;
}

function announce(words) {
  announcer.textContent = words;
}

// A turn.

async function takeTurn(text) {
  const question = showQuestion(text);
  const answer = showReply();
  scroll.scrollTop = scroll.scrollHeight;
  const current = new AbortController();
  reply = current;
  showWriting(true);
  announce("The reply is being written");
  try {
    for await (const event of sendTurn(session, text, current.signal)) {
      loaded = true; // this turn is stored: to load it too would show it twice
      if (event.delta) answer.write(event.delta);
      if (event.route) answer.element.title = event.route;
      if (event.durability === "degraded" && state === "fine") look();
    }
    answer.end("");
    announce(answer.text);
  } catch (error) {
    if (current.signal.aborted) {
      answer.end("Stopped");
      announce("Stopped");
    } else {
      const words = explain(error);
      announce(words);
      answer.fail(words, () => {
        if (reply) return;
        message.focus(); // the button goes, and the focus would go with it
        question.remove();
        answer.element.remove();
        takeTurn(text);
      });
      look();
    }
  } finally {
    if (reply === current) {
      reply = null;
      showWriting(false);
    }
  }
}

function explain(error) {
  if (!(error instanceof Failure)) return "The connection was lost.";
  if (error.code === "rate_limited") {
    return `That was a lot at once. Please wait ${error.wait} s.`;
  }
  const words = error.message;
  return words[0].toUpperCase() + words.slice(1) + (/[.!?]$/.test(words) ? "" : ".");
}

function showWriting(writing) {
  const focused = [sendButton, stopButton].includes(document.activeElement);
  sendButton.hidden = writing;
  stopButton.hidden = !writing;
  if (focused) message.focus();
}

// The composer.

function submit() {
  const text = message.value.trim();
  if (!text || reply) return;
  if (new TextEncoder().encode(text).length > LONGEST_MESSAGE) {
    announce("The message is too long");
    message.setCustomValidity("A message has at most 64 KiB.");
    message.reportValidity();
    return;
  }
  message.value = "";
  fit();
  takeTurn(text);
}

function fit() {
  message.setCustomValidity("");
  message.style.height = "auto";
  message.style.height = `${message.scrollHeight}px`;
  sendButton.disabled = message.value.trim() === "";
}

composer.addEventListener("submit", (event) => {
  event.preventDefault();
  submit();
});
message.addEventListener("input", fit);
message.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  submit();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") reply?.abort();
});
stopButton.addEventListener("click", () => reply?.abort());
newButton.addEventListener("click", startAnew);

// How everything is.

const WORDS = {
  fine: "",
  degraded: "Redis is away. New messages are kept in memory until it is back.",
  starting: "The router is starting. One moment…",
  away: "The router is away. Looking for it…",
  unreachable: "The server is out of reach. Looking for it…",
};

let timer = 0;
let looking = false;

async function look() {
  if (looking) return;
  looking = true;
  clearTimeout(timer);
  try {
    const status = await loadStatus();
    showAbout(status);
    await showState(judge(status));
  } catch {
    await showState("unreachable");
  } finally {
    looking = false;
    timer = setTimeout(look, state === "fine" && loaded ? CALM : ANXIOUS);
  }
}

function judge({ router }) {
  if (!router.running) return "away";
  if (!router.ready) return "starting";
  return router.status === "degraded" ? "degraded" : "fine";
}

async function showState(next) {
  const before = state;
  state = next;
  if (next !== before) {
    banner.textContent = WORDS[next] || "All is well again.";
    banner.dataset.state = next === "fine" ? "back" : next;
    if (next === "fine") setTimeout(() => hideBanner(), BACK_FOR);
  }
  if (next !== "fine" && next !== "degraded") return;
  if (!loaded) await showConversation().catch(() => {});
  else if (next === "fine" && before !== "fine") await noticeForgotten().catch(() => {});
}

function hideBanner() {
  if (state !== "fine") return;
  banner.dataset.state = "fine";
  banner.textContent = "";
}

function showAbout({ provider, sessions }) {
  const words = [];
  if (provider.mode === "offline") words.push("No provider: replies are made offline");
  if (sessions?.mode === "memory") words.push("Kept in memory");
  if (sessions?.mode === "redis") words.push("Kept in Redis");
  about.textContent = words.join(" · ");
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) clearTimeout(timer);
  else look();
});

fit();
showWelcome();
look();
