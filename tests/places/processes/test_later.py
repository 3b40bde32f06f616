"""Who is restarted for what it needs, and when; times are given, nothing waits."""

import asyncio
import math

import pytest

from composegen.model import Service
from composegen.needs import Condition, Later
from composegen.places.processes.claims import Found
from composegen.places.processes.later import Restarts, can_change, list_stale
from composegen.places.processes.plan import Way
from composegen.places.status import BY_USER, State
from composegen.planning.changes import BACK_AFTER, WINDOW
from composegen.planning.plan import Gate
from tests.places.processes.services import build_running, make_unit

BOOT = 5.0


def make_gate(later=Later.RESTART):
    return Gate(
        service="cache", condition=Condition.HEALTHY, is_optional=True, later=later
    )


class Scene:
    """`web` needs `cache`; both are ready."""

    def __init__(self, later=Later.RESTART):
        self.web = build_running("ready")
        self.cache = build_running("ready", boot=BOOT)
        self.services = {"web": self.web, "cache": self.cache}
        self.gates = {"web": [make_gate(later)]}
        self.web.unit = make_unit(Service(name="web"), self.web.unit.probe)
        self.restarts = Restarts(self.services, self.gates)

    def lose(self, now):
        """The cache is not healthy from now on."""
        self.cache.became_unhealthy("refused")
        self.cache.away_since = now

    def get_back(self, now):
        self.cache.recovered()
        self.cache.well_since = now

    def look(self, now):
        """What is due, in short; it is done."""
        said = []
        for change in self.restarts.find_due(now):
            kind = "back" if change.is_back else "without"
            said.append("refused" if change.is_refused else kind)
            if not change.is_refused:
                self.restarts.note(change, now)
                lost = frozenset() if change.is_back else frozenset({change.needed})
                self.web.without = lost
        return said


def play(act, **options):
    async def go():
        return act(Scene(**options))

    return asyncio.run(go())


def test_it_restarts_when_the_other_was_away_for_its_whole_boot():
    def act(scene):
        scene.lose(100.0)
        assert scene.restarts.find_next(100.0) == 100.0 + BOOT
        return [scene.look(100.0 + BOOT - 0.1), scene.look(100.0 + BOOT)]

    assert play(act) == [[], ["without"]]


def test_one_that_comes_back_in_time_changes_nothing():
    def act(scene):
        scene.lose(100.0)
        scene.get_back(101.0)
        return scene.look(200.0), scene.restarts.find_next(200.0)

    assert play(act) == ([], math.inf)


def test_it_gets_back_when_the_other_was_healthy_for_a_while():
    def act(scene):
        scene.web.without = frozenset({"cache"})
        scene.get_back_at = scene.cache.well_since = 100.0
        return [scene.look(100.0 + BACK_AFTER - 0.1), scene.look(100.0 + BACK_AFTER)]

    assert play(act) == [[], ["back"]]


def test_who_copes_is_never_restarted():
    def act(scene):
        scene.lose(100.0)
        return scene.look(1000.0)

    assert play(act, later=Later.COPE) == []


def go_round(scene, now):
    """The cache goes and comes back; what happens at both times."""
    scene.lose(now)
    gone = scene.look(now + BOOT)
    scene.get_back(now + BOOT)
    return [*gone, *scene.look(now + BOOT + BACK_AFTER)]


def test_after_three_changes_in_ten_minutes_it_stays_with_its_fallback():
    def act(scene):
        first = go_round(scene, 100.0)
        second = go_round(scene, 200.0)
        again = [scene.look(now) for now in (300.0, 400.0)]
        # Ten minutes after the first of them, there is room for one more.
        later = 100.0 + BOOT + BACK_AFTER + WINDOW
        assert scene.restarts.find_next(400.0) <= later
        return first, second, again, scene.look(later)

    assert play(act) == (
        ["without", "back"],
        ["without", "refused"],
        [[], []],
        ["back"],
    )


def test_one_that_began_with_its_fallback_ends_with_it_too():
    def act(scene):
        scene.web.without = frozenset({"cache"})
        scene.cache.well_since = 100.0
        return [scene.look(130.0), go_round(scene, 200.0)]

    assert play(act) == [["back"], ["without", "refused"]]


@pytest.mark.parametrize(
    ("moment", "way", "found", "answer"),
    [
        ("ready", Way.PROCESS, False, True),
        ("unhealthy", Way.PROCESS, False, True),
        ("started", Way.PROCESS, False, False),
        ("stopped", Way.PROCESS, False, False),
        ("ready", Way.COMMAND, False, False),
        ("ready", Way.PROCESS, True, False),
    ],
)
def test_only_what_the_run_started_and_is_up_is_restarted(moment, way, found, answer):
    async def go():
        service = build_running(moment, way=way)
        service.found = Found(process=None) if found else None
        return can_change(service)

    assert asyncio.run(go()) is answer


def test_one_that_the_user_is_stopping_is_not_restarted():
    async def go():
        service = build_running("ready")
        service.by = BY_USER
        return can_change(service)

    assert asyncio.run(go()) is False


def test_who_still_uses_what_is_gone_is_listed():
    def act(scene):
        def look(now):
            return list_stale(scene.services, scene.gates, now)

        before = look(100.0)
        scene.lose(100.0)
        soon, late = look(100.0 + BOOT - 0.1), look(100.0 + BOOT)
        scene.web.without = frozenset({"cache"})
        return before, soon, late, look(200.0)

    assert play(act) == ([], [], [("web", "cache")], [])


def test_one_that_is_excluded_is_gone_at_once():
    def act(scene):
        scene.lose(100.0)
        scene.cache.state = State.FAILED
        scene.cache.exclusion = "exited with 3"
        return list_stale(scene.services, scene.gates, 100.0)

    assert play(act) == [("web", "cache")]
