"""Users who talk to the chat stack without a break, and remember what they were told.

What they were answered and what the stack has kept are compared afterwards.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from tests.e2e.engine import wait_until
from tests.e2e.examples import Reply, ask

KEPT = 200
"""How many messages of a conversation the router keeps, as its README says."""

PAUSE = 0.1
"""Seconds between two turns of one talker."""

STREAM = "text/event-stream"


@dataclass(frozen=True, slots=True)
class Turn:
    """What was said, and what came back; an empty `reply` was never acknowledged."""

    said: str
    status: int
    reply: str = ""
    durability: str = ""
    code: str = ""
    retry_after: str = ""

    @property
    def is_answered(self) -> bool:
        return self.reply != ""


@dataclass
class Talker:
    """One user with one conversation over one port, as a stream or as whole replies."""

    name: str
    port: int
    stream: bool
    turns: list[Turn] = field(default_factory=list)
    session: str = ""
    cookie: str = ""

    def say(self) -> Turn:
        """Say one more thing, never the same one twice."""
        said = f"{self.name}, number {len(self.turns)}"
        body = {"message": said} | ({"session": self.session} if self.session else {})
        try:
            reply = ask(
                self.port,
                "/api/chat",
                body,
                cookie=self.cookie,
                accept=STREAM if self.stream else "*/*",
            )
            turn = self._read_stream(said, reply) or self._read(said, reply)
        except Exception as error:
            # Whatever it is, it belongs to the turns that the test looks at.
            turn = Turn(said, 0, code=repr(error))
        else:
            self.cookie = reply.cookie
        self.turns.append(turn)
        return turn

    def load(self, kept_in: str) -> list[dict[str, Any]]:
        """The messages that are kept in Redis, or in its stead (`degraded`).

        A busy Redis may be slow for a moment, and a router that was just started knows
        nothing but what is there: what it says then is not what is asked for.
        """

        def look() -> Any:
            reply = ask(self.port, f"/api/chat/{self.session}", cookie=self.cookie)
            assert reply.status in {200, 404}, reply.text
            is_it = reply.status == 200 and reply.json["durability"] == kept_in
            return is_it and reply.json["messages"]

        messages: list[dict[str, Any]] = wait_until(look, f"messages kept in {kept_in}")
        return messages

    def _read(self, said: str, reply: Reply) -> Turn:
        if reply.status != 200:
            code = reply.json["error"]["code"]
            return Turn(said, reply.status, code=code, retry_after=reply.retry_after)
        told = reply.json
        self.session = told["session"]
        return Turn(said, 200, told["reply"], told["durability"])

    def _read_stream(self, said: str, reply: Reply) -> Turn | None:
        """The turn of a stream; one that lacks its end was not acknowledged."""
        if not self.stream or reply.status != 200:
            return None
        events = [
            json.loads(line.removeprefix("data: "))
            for line in reply.text.splitlines()
            if line.startswith("data: ")
        ]
        last = events[-1] if events else {}
        if not last.get("done"):
            return Turn(said, 200, code=last.get("error", {}).get("code", "cut off"))
        self.session = last["session"]
        text = "".join(event.get("delta", "") for event in events)
        return Turn(said, 200, text, last["durability"])


class Talk:
    """Several talkers at once, each in a thread of its own."""

    def __init__(self, *talkers: Talker) -> None:
        self.talkers = talkers
        self._ended = threading.Event()

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Talk while the block runs; all replies are there at its end."""
        threads = [
            threading.Thread(target=self._run, args=(talker,))
            for talker in self.talkers
        ]
        with ExitStack() as stack:
            for thread in threads:
                thread.start()
                stack.callback(thread.join)
            stack.callback(self._ended.set)
            yield

    def wait_for(
        self, durability: str, *, count: int = 2, deadline: float = 180
    ) -> None:
        """Until each has from now on learnt so many times how well a turn is kept.

        A turn that is on its way at this moment does not count: it began before.
        """
        marks = {talker.name: len(talker.turns) + 1 for talker in self.talkers}

        def look() -> bool:
            return all(
                [turn.durability for turn in talker.turns[marks[talker.name] :]].count(
                    durability
                )
                >= count
                for talker in self.talkers
            )

        wait_until(
            look, f"turns of all talkers kept in {durability}", deadline=deadline
        )

    def wait_for_refusals(self, *, count: int = 2, deadline: float = 180) -> None:
        """Until each has been refused so many times."""

        def look() -> bool:
            return all(
                sum(not turn.is_answered for turn in talker.turns) >= count
                for talker in self.talkers
            )

        wait_until(look, "turns of all talkers refused", deadline=deadline)

    def list_refused(self) -> list[Turn]:
        """The turns of all talkers that were not answered."""
        return [
            turn
            for talker in self.talkers
            for turn in talker.turns
            if not turn.is_answered
        ]

    def _run(self, talker: Talker) -> None:
        while not self._ended.wait(PAUSE):
            talker.say()


def assert_all_is_kept(talker: Talker, *, kept_in: str = "redis") -> None:
    """What was acknowledged is there, in order, nothing twice and nothing else.

    For a talker all of whose turns were answered.
    """
    said = [
        message
        for turn in talker.turns
        for message in (("user", turn.said), ("assistant", turn.reply))
    ]
    stored = talker.load(kept_in)
    assert [(m["role"], m["content"]) for m in stored] == said[-KEPT:], talker.name
    assert len({m["id"] for m in stored}) == len(stored), talker.name
    assert not any(m["interrupted"] for m in stored), talker.name


def list_safe(talker: Talker) -> list[Turn]:
    """The turns that a router which dies cannot take with it.

    What it learns of is the question; that the reply to it is in Redis as well is
    sure where the next question is.
    """
    return [
        turn
        for turn, following in pairwise(talker.turns)
        if turn.durability == following.durability == "redis"
    ]


def assert_turns_are_kept(talker: Talker, turns: Sequence[Turn]) -> None:
    """These turns are there, in order, nothing twice and nothing that was not said.

    The question of any other turn, and its reply, may be there or not.
    """
    stored = [(m["role"], m["content"]) for m in talker.load("redis")]
    assert len(talker.turns) * 2 <= KEPT, "too many turns to have all been kept"
    assert turns, talker.name
    for turn in turns:
        place = stored.index(("user", turn.said))
        assert stored[place + 1] == ("assistant", turn.reply), turn
    questions = [text for role, text in stored if role == "user"]
    assert questions == [
        turn.said for turn in talker.turns if turn.said in questions
    ], talker.name
