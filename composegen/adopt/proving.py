"""Rendering what was adopted, and asking Compose about both sides."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from composegen.adopt.asking import Answer, Plain, Source, ask_model
from composegen.adopt.own_values import make_values
from composegen.adopt.proof import (
    compare_models,
    compare_started,
    join_models,
    list_unlisted,
)
from composegen.adopt.reading import Read, write_override
from composegen.adopt.report import Entry, Gate
from composegen.errors import SelectionError
from composegen.model import Stack
from composegen.planning.plan import Plan, make_plan
from composegen.planning.selection import Selection
from composegen.records import record, replace
from composegen.stackfile.load import load_text
from composegen.targets.compose.gates import CONDITIONS
from composegen.targets.compose.render import render_plan
from composegen.targets.quoting import write_key


@record
class Before:
    """The original under values of its own for every variable, being asked."""

    source: Source
    answer: Answer

    def close(self) -> None:
        """End the call, if it is still under way."""
        self.answer.close()


@record
class Proof:
    """What both sides differ in, and under which values that was seen."""

    unlisted: tuple[Entry, ...] = ()
    values: str = "none"


@record
class Rendered:
    """The Compose file of each selection, and what starts without a selection.

    ``apart`` are the optional edges of each service whose ends no selection includes
    together, as a Compose file with both would have them.
    """

    texts: tuple[str, ...]
    started: frozenset[str]
    apart: Mapping[str, Plain]


def ask_before(read: Read) -> Before:
    """Begin to ask about the original, with a value of its own for each variable."""
    own = make_values(read.texts, read.values)
    source = replace(read.source, environment={**read.source.environment, **own})
    return Before(source=source, answer=ask_model(source))


def render_selections(
    text: str, path: Path, selections: Iterable[tuple[str, ...]]
) -> Rendered:
    """The Compose file of each selection, and what starts without one."""
    plans = {flags: _plan(text, path, flags) for flags in selections}
    usual = plans.get(())
    return Rendered(
        texts=tuple(render_plan(plan)[0].text for plan in plans.values()),
        started=frozenset(usual.names) if usual else list_started(text, path),
        apart=_find_apart(plans.values()),
    )


def _find_apart(plans: Collection[Plan]) -> dict[str, Plain]:
    """The edges that stand in no rendered file, since their ends exclude each other."""
    apart: dict[str, Plain] = {}
    for plan in plans:
        for service in plan.stack.services.values():
            for need in service.needs:
                ends = {service.name, need.service}
                if need.is_optional and not any(
                    ends.issubset(each.names) for each in plans
                ):
                    edge = {"condition": CONDITIONS[need.until], "required": False}
                    apart.setdefault(service.name, {})[need.service] = edge
    return apart


def list_started(text: str, path: Path) -> frozenset[str]:
    """The services of a stack file that `composegen up` starts without flags."""
    try:
        return frozenset(_plan(text, path, ()).names)
    except SelectionError:  # every service is excluded
        return frozenset()


def _plan(text: str, path: Path, flags: tuple[str, ...]) -> Plan:
    selection = Selection(added=tuple(flags[1::2]))
    stack: Stack = load_text(text, path, selection=selection).stack
    return make_plan(stack, selection)


def prove(
    read: Read,
    before: Before,
    made: Rendered,
    gates: tuple[Gate, ...],
    listed: list[Entry],
) -> Proof:
    """Compare under the values of now and under values of their own."""
    usual = _ask_usual(read)
    texts = made.texts
    now = [_ask(read, text, {}) for text in texts]
    own = [_ask(read, text, dict(before.source.environment)) for text in texts]
    found = _compare(read.model, now, gates, made.apart)
    found += compare_started(
        read.model if usual is None else usual.read(), made.started, gates
    )
    original = before.answer.read()
    if original is None:
        for answer in own:
            answer.wait()
        return Proof(unlisted=tuple(list_unlisted(found, listed)), values="now")
    others = _compare(original, own, gates, made.apart)
    found += [each for each in others if each not in found]
    return Proof(unlisted=tuple(list_unlisted(found, listed)), values="own")


def _ask_usual(read: Read) -> Answer | None:
    """What starts without a profile; None where no service has one: that is all."""
    if any(each.get("profiles") for each in read.model.get("services", {}).values()):
        return ask_model(replace(read.source, profiles=read.project.profiles))
    return None


def _ask(read: Read, text: str, environment: dict[str, str]) -> Answer:
    return ask_model(
        Source(
            folder=read.project.folder,
            files=("-",),
            env_files=read.project.env_files,
            text=_without_missing(read, text),
            environment={**read.source.environment, **environment},
        )
    )


def _without_missing(read: Read, text: str) -> str:
    """A rendered file without the env files that are not there."""
    kept = {
        name: items
        for name, items in read.env_files.items()
        if f"\n  {write_key(name).strip()}\n" in text
    }
    return f"{text}\n---\n{write_override(kept)}" if kept else text


def _compare(
    before: Plain,
    answers: list[Answer],
    gates: tuple[Gate, ...],
    apart: Mapping[str, Plain],
) -> list[Entry]:
    models = [answer.read() for answer in answers]
    refused = [a for a, model in zip(answers, models, strict=True) if model is None]
    if refused:
        why = refused[0].complaint
        return [Entry(service=None, key="*", what=f"Compose refuses it: {why}")]
    joined = join_models(filter(None, models), gates, apart)
    return list(compare_models(before, joined))
