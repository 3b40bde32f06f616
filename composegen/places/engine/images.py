"""Whether the images of a plan are on the engine, or offered by their registries.

Registries are asked through the engine, all at once and for a bounded time. What does
not answer is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from enum import StrEnum
from typing import Protocol

from composegen.errors import ComposegenError, Level, MissingVariable
from composegen.places.engine.containers import ImageBuild
from composegen.places.engine.registry import Offer
from composegen.planning.asking import find_helper
from composegen.planning.fallbacks import list_excluded
from composegen.planning.plan import Plan, Step
from composegen.records import record

PATIENCE = 10.0
"""Seconds that all registries together may take."""
_MOST_AT_ONCE = 8


class Source(StrEnum):
    """Where an image can be had."""

    HERE = "here"
    REGISTRY = "registry"
    NOWHERE = "nowhere"
    UNKNOWN = "unknown"


class Asked(Protocol):
    """What is asked of an engine."""

    def find_image(self, name: str) -> ImageBuild | None:
        """An image that it has."""
        ...

    def ask_registry(self, name: str) -> Offer:
        """Whether an image's registry offers it."""
        ...


@record
class WantedImage:
    """An image, and the services that run it or are built from it.

    ``must_pull`` says that the registry is asked even where the engine has it,
    ``may_pull`` that it is asked at all. One that ``is_probe`` asks the services from
    outside.
    """

    name: str
    services: tuple[str, ...]
    is_base: bool = False
    is_probe: bool = False
    is_required: bool = False
    must_pull: bool = False
    may_pull: bool = True


@record
class Found:
    """Where a wanted image can be had, and the words of a registry that refused.

    ``is_here`` says that the engine has it, whatever the registry says.
    """

    image: WantedImage
    source: Source
    words: str = ""
    is_here: bool = False


def list_images(
    plan: Plan, project: str, fill: Callable[[str], str]
) -> tuple[WantedImage, ...]:
    """What must be on the engine or pulled; what the stack builds itself is not.

    ``fill`` fills variables in. An image whose variable is not set is not listed.
    """
    built = {f"{project}-{step.name}" for step in plan.steps if step.service.build}
    built |= {step.service.image for step in plan.steps if step.service.build}
    wanted: dict[str, WantedImage] = {}
    for step in plan.steps:
        image = _find_image(step, fill)
        if image is None or image.name in built:
            continue
        known = wanted.get(image.name, image)
        wanted[image.name] = WantedImage(
            name=image.name,
            services=tuple(dict.fromkeys([*known.services, *image.services])),
            is_base=known.is_base and image.is_base,
            is_required=known.is_required or image.is_required,
            must_pull=known.must_pull or image.must_pull,
            may_pull=known.may_pull and image.may_pull,
        )
    probe = _find_probe_image(plan, fill)
    if probe is not None and probe.name not in wanted:
        wanted[probe.name] = probe
    return tuple(wanted.values())


def _find_probe_image(plan: Plan, fill: Callable[[str], str]) -> WantedImage | None:
    """What asks services from outside, where there are any to ask."""
    asked = [step for step in plan.steps if find_helper(step.service)]
    try:
        name = fill(plan.stack.probe_image)
    except MissingVariable:
        return None  # the variable is reported
    if not asked:
        return None
    return WantedImage(
        name=name,
        services=tuple(step.name for step in asked),
        is_probe=True,
        is_required=any(step.is_required for step in asked),
    )


def _find_image(step: Step, fill: Callable[[str], str]) -> WantedImage | None:
    service = step.service
    if service.build is not None:
        name = service.build.shown_base
        contexts = str(service.build.options.get("additional_contexts"))
        if not name or name == "scratch" or "$" in name or f"{name!r}:" in contexts:
            return None  # nothing to pull, or a folder that has the image's name
    else:
        try:
            name = fill(str(service.compose.get("image") or service.image))
        except MissingVariable:
            return None  # the variable is reported
    policy = service.passed.get("pull_policy", "missing")
    return WantedImage(
        name=name,
        services=(service.name,),
        is_base=service.build is not None,
        is_required=step.is_required,
        must_pull=policy == "always" and service.build is None,
        may_pull=policy != "never" or service.build is not None,
    )


def find_images(
    wanted: tuple[WantedImage, ...], engine: Asked, *, patience: float = PATIENCE
) -> Iterator[Found]:
    """Where each image can be had, in their order; at most ``patience`` seconds."""
    here = {each.name for each in wanted if engine.find_image(each.name) is not None}
    asked = [
        each.name
        for each in wanted
        if each.may_pull and (each.must_pull or each.name not in here)
    ]
    answers = _ask_registries(asked, engine, patience)
    for each in wanted:
        is_here = each.name in here
        source, words = Source.HERE, ""
        if each.name in asked:
            offer = answers.get(each.name) or Offer(
                is_there=None,
                words=f"its registry did not answer within {patience:g} s",
            )
            source, words = _OFFERED[offer.is_there], offer.words
        elif not is_here:
            source, words = Source.NOWHERE, "its `pull_policy` is never"
        yield Found(image=each, source=source, words=words, is_here=is_here)


_OFFERED = {True: Source.REGISTRY, False: Source.NOWHERE, None: Source.UNKNOWN}


def _ask_registries(
    names: list[str], engine: Asked, patience: float
) -> Mapping[str, Offer]:
    """What the registries answered in time."""
    if not names:
        return {}
    pool = ThreadPoolExecutor(max_workers=_MOST_AT_ONCE)
    try:
        asked: dict[Future[Offer], str] = {
            pool.submit(engine.ask_registry, name): name for name in names
        }
        done, _ = wait(asked, timeout=patience)
        return {asked[each]: _read_answer(each) for each in done}
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _read_answer(future: Future[Offer]) -> Offer:
    try:
        return future.result()
    except ComposegenError as error:
        return Offer(is_there=None, words=error.message)


# What is said about it


def describe_found(found: Found, plan: Plan) -> tuple[str, Level | None, str]:
    """What is said of an image: the message, its level and its help."""
    image = found.image
    kind = "base image" if image.is_base else "image"
    names = ", ".join(f"`{name}`" for name in image.services)
    what = f"the {kind} `{image.name}` of {names}"
    if image.is_probe:
        what = f"the image `{image.name}`, which checks {names} from outside,"
    state = "is on the engine" if found.is_here else "is not on the engine"
    if found.source is Source.HERE:
        return f"{what} {state}", None, ""
    if found.source is Source.REGISTRY:
        return f"{what} can be pulled", None, ""
    if found.source is Source.UNKNOWN:
        return (
            f"{what} {state}; it is not known whether it can be pulled: {found.words}",
            Level.WARNING,
            "check the network, or load it into the engine: docker load",
        )
    help = "correct FROM in the Dockerfile" if image.is_base else "correct `image`"
    if image.is_probe:
        help = "correct `probe_image` at the top level"
    message = f"{what} {state} and cannot be pulled: {found.words}"
    if image.is_required:
        return message, Level.ERROR, f"{help}, or: docker login"
    lines = _list_fallbacks(image, plan)
    return message, Level.WARNING, "\n".join([f"{help}; without it:", *lines])


def _list_fallbacks(image: WantedImage, plan: Plan) -> list[str]:
    """What changes where the optional services of an image are excluded."""
    included = frozenset(plan.names) - frozenset(image.services)
    reasons = dict.fromkeys(image.services, "")
    return [
        f"{fallback.service}: {fallback}"
        for each in list_excluded(plan.stack, reasons, included)
        for fallback in each.fallbacks
    ]
