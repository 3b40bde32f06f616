"""Watches the place in which a folder's stack runs, and keeps the page's values true.

It waits where nothing runs, goes on where another run begins, and says so where an
engine or a stack file cannot be read.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

from composegen.board.booting import LiveBoot, describe_note
from composegen.board.folding import fold_event, word_event
from composegen.board.layout import NARROW, WIDE, Layout, lay_out
from composegen.board.scene import Box, Scene
from composegen.board.shared import Shared
from composegen.errors import ComposegenError
from composegen.oserrors import describe_os_error
from composegen.paths import list_matching
from composegen.places.events import Event, Line
from composegen.places.names import PROCESSES
from composegen.places.place import Place, Seen
from composegen.places.status import ServiceStatus, State, describe_statuses
from composegen.records import as_dict, record, replace
from composegen.workspace.booting import was_cut_off
from composegen.workspace.boots import BOOTS, read_boots
from composegen.workspace.state import STATE_FOLDER

_POLL = 1.0
_SETTLE = 0.25
_LOOK_AGAIN = 3.0
_FEW = 40
_FILES = ("*.json", BOOTS, "run/run-*.json", "run/last.json")

Find: TypeAlias = Callable[[], Place]
MakeScene: TypeAlias = Callable[[], Scene]


@record
class Source:
    """Where the board looks: ``find`` and ``make_scene`` raise ComposegenError.

    ``describe_drill`` says what a drill of another terminal does now, if one goes on.
    """

    folder: Path
    file: Path
    find: Find
    make_scene: MakeScene
    describe_drill: Callable[[], str]


class Watcher:
    """Keeps the values true in a thread of its own, until it is closed."""

    def __init__(self, source: Source, shared: Shared) -> None:
        self._source = source
        self._shared = shared
        self._inbox: queue.SimpleQueue[tuple[int, Event | None]] = queue.SimpleQueue()
        self._is_closed = threading.Event()
        self._generation = 0
        self._followed: tuple[str, ...] = ()
        self._turn = 0
        self._shown: tuple[str, ...] = ()
        self._statuses: dict[str, ServiceStatus] = {}
        self._scene: Scene | None = None
        self._boot = LiveBoot({})
        self._was_running = False
        self._place: Place | None = None
        self._happened: list[dict[str, Any]] = []
        self._excluded: Mapping[str, Mapping[str, Any]] = {}
        self._has_changed = False

    @property
    def place(self) -> Place | None:
        """The place of which the page speaks; None where there is none yet."""
        return self._place

    @property
    def is_speaking(self) -> bool:
        """Whether a service runs there, which may print lines, and all can be seen."""
        return not self._shared.get("trouble") and any(
            each.state in {State.STARTING, State.READY} or each.health is not None
            for each in tuple(self._statuses.values())
        )

    @property
    def turn(self) -> int:
        """It grows when something else is shown: another run, another place."""
        return self._turn

    def list_names(self) -> tuple[str, ...]:
        """The services that the page shows."""
        return tuple(self._statuses)

    def start(self) -> None:
        """Begin to watch."""
        threading.Thread(target=self._run, name="watch", daemon=True).start()

    def close(self) -> None:
        """End it; what waits for a place is not waited for."""
        self._is_closed.set()

    # The loop

    def _run(self) -> None:
        signature: object = None
        due = 0.0
        while not self._is_closed.is_set():
            found = self._sign()
            if found != signature or time.monotonic() >= due:
                signature = found
                due = time.monotonic() + self._look()
            self._take(due)
            if self._has_changed:
                due = min(due, time.monotonic() + _SETTLE)

    def _take(self, due: float) -> None:
        """Take in what happens, until the time of the next look."""
        self._has_changed = False
        end = min(due, time.monotonic() + _POLL)
        while not self._is_closed.is_set():
            pause = end - time.monotonic()
            try:
                generation, event = self._inbox.get(timeout=max(0.0, pause))
            except queue.Empty:
                return
            if generation != self._generation:
                continue
            if event is None:
                self._has_changed = True
                self._followed = ()
                return
            if self._see(event):
                self._has_changed = True
                end = min(end, time.monotonic() + _SETTLE)

    def _sign(self) -> object:
        """What changes on the disk when a run begins, or the stack file is edited."""
        folder = self._source.folder / STATE_FOLDER
        paths = [self._source.file]
        for pattern in _FILES:
            below, _, name = pattern.rpartition("/")
            with suppress(OSError):
                paths += list_matching(folder / below, name)
        return self._is_cut_off(), *map(_sign_file, paths)

    def _is_cut_off(self) -> bool:
        """Whether the `up` that boots the stack was killed."""
        is_run = self._place is not None and self._place.name == PROCESSES
        is_going = self._boot.is_going and not is_run
        return is_going and was_cut_off(self._source.folder)

    # Looking

    def _look(self) -> float:
        """Look at everything; in how many seconds to do it again by itself."""
        trouble = self._read_scene()
        try:
            place = self._source.find()
            seen = place.look()
        except (ComposegenError, OSError) as error:
            self._shared.change({"trouble": _describe(error)})
            return _POLL
        self._place = place
        self._follow(place, seen)
        self._show(place, seen, trouble)
        is_quiet = seen.is_running or bool(self._followed)
        return 3600.0 if is_quiet and not trouble else _LOOK_AGAIN

    def _read_scene(self) -> dict[str, str] | None:
        try:
            self._scene = self._source.make_scene()
        except ComposegenError as error:
            return {
                "message": f"the stack file has errors: {error.message}",
                "help": error.help or "composegen check",
            }
        return None

    def _follow(self, place: Place, seen: Seen) -> None:
        """Follow what runs, unless it is followed; another one takes its place.

        What is brought up on an engine may be followed before it has a container.
        """
        runs: list[Path] = []
        if place.name == PROCESSES:
            with suppress(OSError):
                folder = self._source.folder / STATE_FOLDER / "run"
                runs = list_matching(folder, "run-*.json")
            if not seen.is_running:
                self._followed = ()
                return
        wanted = (place.name, *(path.name for path in runs))
        if self._followed == wanted:
            return
        self._generation += 1
        self._followed = wanted
        if self._shown != wanted:
            self._turn += 1
            self._shown = wanted
        threading.Thread(
            target=self._listen,
            args=(place, self._generation),
            name="follow",
            daemon=True,
        ).start()

    def _listen(self, place: Place, generation: int) -> None:
        with suppress(ComposegenError, OSError):
            for event in place.follow():
                if generation != self._generation or self._is_closed.is_set():
                    return
                if not isinstance(event, Line):
                    self._inbox.put((generation, event))
        self._inbox.put((generation, None))

    # Showing

    def _see(self, event: Event) -> bool:
        """Show an event at once; whether the place is to be looked at as well."""
        words = word_event(event)
        if words and event.at > 0:
            self._tell(event.service, words)
        name = event.service
        if not name or name not in self._statuses:
            return bool(name or words)
        before = self._statuses[name]
        status = fold_event(before, event)
        if status != before:
            self._statuses[name] = status
            if not self._boot.is_going and self._is_new_boot():
                self._boot.begin(self._statuses.values())
            self._boot.see(status)
            self._shared.change({f"status/{name}": self._describe(status)})
            self._show_boot()
        return True

    def _is_new_boot(self) -> bool:
        """Whether all that is there has just been started."""
        alive = [
            each
            for each in self._statuses.values()
            if each.state not in {State.STOPPED, State.EXCLUDED}
        ]
        return bool(alive) and all(
            each.state in {State.WAITING, State.STARTING} for each in alive
        )

    def _tell(self, service: str, words: str) -> None:
        self._happened.append({"at": time.time(), "service": service, "text": words})
        del self._happened[:-_FEW]
        self._shared.change({"happened": list(self._happened)})

    def _show(
        self, place: Place, seen: Seen, trouble: Mapping[str, str] | None
    ) -> None:
        statuses = {each.service: each for each in seen.statuses}
        excluded = {str(each["service"]): each for each in seen.excluded}
        self._excluded = excluded
        names = [*statuses, *(name for name in excluded if name not in statuses)]
        self._statuses = {
            name: _make_status(name, statuses, excluded) for name in names
        }
        scene = _complete(self._scene, self._statuses)
        self._boot_if_new(scene, seen)
        values: dict[str, Any] = {
            "stack": {"name": scene.name, "file": self._source.file.name},
            "place": {
                "name": place.name,
                "running": seen.is_running,
                "up": seen.is_up,
                "ended": seen.has_ended,
                "notes": [*self._list_drills(), *seen.notes],
            },
            "graph": _describe_scene(scene),
            "trouble": trouble,
        }
        gone = set(self._shared.list_names("status/"))
        for name, status in self._statuses.items():
            values[f"status/{name}"] = self._describe(status)
            gone.discard(f"status/{name}")
        self._shared.change({**dict.fromkeys(gone), **values})
        self._show_boot()

    def _list_drills(self) -> Iterator[str]:
        """A line for a drill that was not begun on the page."""
        drill = self._shared.get("drill")
        text = "" if drill and drill["going"] else self._source.describe_drill()
        if text:
            yield text

    def _describe(self, status: ServiceStatus) -> dict[str, Any]:
        """A status as plain data, with what others do where it is excluded."""
        [described] = describe_statuses([status])
        kept = {name: value for name, value in described.items() if value is not None}
        instead = self._excluded.get(status.service, {}).get("instead", ())
        return {**kept, "instead": [str(each) for each in instead]}

    def _boot_if_new(self, scene: Scene, seen: Seen) -> None:
        if seen.is_running and not self._was_running:
            needs: dict[str, tuple[str, ...]] = {}
            for link in scene.links:
                needs[link.service] = (*needs.get(link.service, ()), link.needed)
            self._boot = LiveBoot(needs)
            self._boot.begin(self._statuses.values())
        self._was_running = seen.is_running
        for status in self._statuses.values():
            self._boot.see(status)
        self._boot.check_end(self._statuses.values())

    def _show_boot(self) -> None:
        """The boots that were noted, and one that goes on, or was not noted."""
        if self._is_cut_off():
            self._boot.cut_off()
        noted = [describe_note(each) for each in read_boots(self._source.folder)]
        newest = noted[-1] if noted else None
        if newest is not None:
            self._boot.end_with(newest)
        live = self._boot.describe()
        is_noted = (
            live is not None
            and not live["going"]
            and newest is not None
            and self._boot.is_part_of(newest)
        )
        boots = [*noted, *([live] if live is not None and not is_noted else [])]
        self._shared.change({"boots": boots[-10:]})


def _sign_file(path: Path) -> tuple[str, int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return str(path), 0, 0, 0
    return str(path), found.st_mtime_ns, found.st_size, found.st_ino


def _describe(error: ComposegenError | OSError) -> dict[str, str]:
    if isinstance(error, OSError):
        message, help = describe_os_error(error)
        return {"message": message, "help": help}
    return {"message": error.message, "help": error.help}


def _make_status(
    name: str,
    statuses: Mapping[str, ServiceStatus],
    excluded: Mapping[str, Mapping[str, Any]],
) -> ServiceStatus:
    """The status of a service; the reason where it is excluded."""
    status = statuses.get(name) or ServiceStatus(service=name, state=State.EXCLUDED)
    if status.state is State.EXCLUDED and not status.reason and name in excluded:
        return replace(status, reason=str(excluded[name]["reason"]))
    return status


def _complete(scene: Scene | None, statuses: Mapping[str, ServiceStatus]) -> Scene:
    """The scene with services that run and are not in the stack file."""
    scene = scene or Scene(name="", boxes=(), links=())
    known = {box.service for box in scene.boxes}
    more = tuple(Box(service=name) for name in statuses if name not in known)
    return replace(scene, boxes=(*scene.boxes, *more)) if more else scene


def _describe_scene(scene: Scene) -> dict[str, Any]:
    return {
        "boxes": [
            {**as_dict(box), "instead": list(box.instead)} for box in scene.boxes
        ],
        "wide": _describe_layout(lay_out(scene, WIDE)),
        "narrow": _describe_layout(lay_out(scene, NARROW)),
    }


def _describe_layout(layout: Layout) -> dict[str, Any]:
    return {
        "width": layout.width,
        "height": layout.height,
        "dense": layout.is_dense,
        "cards": [as_dict(card) for card in layout.cards],
        "paths": list(_iterate_paths(layout)),
    }


def _iterate_paths(layout: Layout) -> Iterator[dict[str, Any]]:
    for path in layout.paths:
        yield {
            "service": path.link.service,
            "needed": path.link.needed,
            "kind": path.link.kind,
            "optional": path.link.is_optional,
            "line": path.line,
        }
