// The backend as the page sees it: a turn as a stream of pieces, the stored
// conversation, and how everything is.

export class Failure extends Error {
  constructor({ code = "unknown", message, retry_after: wait }, status = 0) {
    super(message ?? "Something went wrong.");
    this.code = code;
    this.wait = wait;
    this.status = status;
  }
}

// Yields {delta} as the reply is written and {done} at its end; throws a Failure when
// it breaks off. Aborting the signal cancels the turn all the way to the provider. Its
// name lets a proxy send the turn again without it being answered twice.
export async function* sendTurn(session, message, signal) {
  const response = await ask("/api/chat", {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      Accept: "text/event-stream",
      "Idempotency-Key": makeId(),
    },
    body: JSON.stringify({ message, session }),
    signal,
  });
  for await (const event of readEvents(response.body)) {
    if (event.error) throw new Failure(event.error);
    yield event;
    if (event.done) return;
  }
  throw new Failure({ code: "broke_off", message: "The reply broke off." });
}

// The stored messages, or null when there is no such conversation.
export async function loadMessages(session) {
  try {
    const response = await ask(`/api/chat/${session}`, { cache: "no-store" });
    return (await response.json()).messages;
  } catch (failure) {
    if (failure.status === 404) return null;
    throw failure;
  }
}

export function makeId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function forgetSession(session) {
  return ask(`/api/chat/${session}`, { method: "DELETE", keepalive: true });
}

export async function loadStatus() {
  const signal = AbortSignal.timeout(4000);
  return (await ask("/api/status", { cache: "no-store", signal })).json();
}

async function ask(path, options) {
  const response = await fetch(path, options);
  if (response.ok) return response;
  const body = await response.json().catch(() => ({}));
  throw new Failure(body.error ?? {}, response.status);
}

async function* readEvents(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const data = block.split("\n").find((line) => line.startsWith("data: "));
      if (data) yield JSON.parse(data.slice("data: ".length));
    }
  }
}
