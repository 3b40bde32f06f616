"""What goes over the wire: OpenAI's shapes for requests, chunks and refusals."""

import re
from typing import Any

import msgspec
from starlette.exceptions import HTTPException


class Refusal(HTTPException):
    """A request that is not answered, and why."""

    def __init__(
        self, status: int, code: str, message: str, *, retry_after: str | None = None
    ) -> None:
        headers = {"Retry-After": retry_after} if retry_after else None
        super().__init__(status, message, headers)
        self.code = code

    def encode(self) -> bytes:
        """The error in OpenAI's shape."""
        return encode_error(self.status_code, self.code, self.detail)


class Part(msgspec.Struct):
    """A part of a message; the router reads text and passes on the rest."""

    type: str
    text: str = ""


class Incoming(msgspec.Struct):
    """A message of a request."""

    role: str
    content: str | list[Part] | None = None
    tool_calls: Any = None
    function_call: Any = None

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing; a call of a tool says something without words."""
        return not (self.content or self.tool_calls or self.function_call)

    @property
    def text(self) -> str:
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content if part.type == "text")
        return self.content or ""

    @property
    def is_text(self) -> bool:
        return not isinstance(self.content, list) or all(
            part.type == "text" for part in self.content
        )


class ChatRequest(msgspec.Struct):
    """What the router reads of a request; every other field is passed on."""

    messages: list[Incoming]
    model: str | None = None
    stream: bool | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    tools: Any = None
    functions: Any = None


class Delta(msgspec.Struct):
    """What a chunk adds to the text."""

    content: str | None = None


class ChunkChoice(msgspec.Struct):
    """One choice of a chunk (`delta`) or of a whole completion (`message`)."""

    delta: Delta | None = None
    message: Delta | None = None
    finish_reason: str | None = None
    index: int | None = None

    @property
    def said(self) -> str:
        """The text of it, where there is any."""
        said = self.delta or self.message
        return (said.content if said else None) or ""


class Completion(msgspec.Struct):
    """A completion or a chunk of one, as far as the router reads it."""

    all_choices: list[ChunkChoice] | None = msgspec.field(name="choices", default=None)
    error: Any = None

    @property
    def choices(self) -> list[ChunkChoice]:
        """The choices; none where that is null or not there."""
        return self.all_choices or []


# A character beyond 16 bits is written as two escapes; either alone is no text.
_HALF = re.compile(
    rb"\\u[dD][89abAB]..(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB]..)\\u[dD][c-fC-F]",
    re.DOTALL,
)
_HALF_WORDS = r"a text has half of a surrogate pair, such as \ud83d alone"
_requests = msgspec.json.Decoder(ChatRequest)
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_completions = msgspec.json.Decoder(Completion)
encode_json = msgspec.json.Encoder().encode


def decode_request(body: bytes) -> tuple[ChatRequest, dict[str, Any]]:
    """A request, and all its fields as they came; raises Refusal."""
    try:
        request, fields = _requests.decode(body), dict(_fields.decode(body))
        # All of it is decoded once: what the router passes on, it can read too.
        fields["messages"] = msgspec.json.decode(fields["messages"])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        words = _HALF_WORDS if _HALF.search(body) else str(error)
        text = f"this is no chat request: {words}"
        raise Refusal(400, "invalid_json", text) from error
    return request, fields


def decode_completion(body: bytes) -> Completion:
    """A provider's completion or chunk; raises Refusal."""
    try:
        return _completions.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        text = "the provider's answer is not in OpenAI's shape"
        raise Refusal(502, "provider_error", text) from error


def encode_error(status: int, code: str, message: str) -> bytes:
    """An error in OpenAI's shape; its type says whose fault it is."""
    kind = "invalid_request_error" if status < 500 else "server_error"
    error = {"message": message, "type": kind, "param": None, "code": code}
    return encode_json({"error": error})
