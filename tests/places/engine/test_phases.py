"""Which calls of Compose bring a stack up, and what each container is made without."""

from dataclasses import dataclass, field

import pytest

from composegen.needs import Condition
from composegen.places.engine.phases import Before, OneCall, Phases, cut_gates
from composegen.planning.plan import make_plan
from tests.planning.test_selection import make
from tests.rendering import plan
from tests.stacks import APP, make_stack

UP = ("up", "--detach", "--remove-orphans")
CACHE = "use: redis\n"
NEEDING = f"""{APP}\
needs:
  cache:
    env: {{CACHE_URL: "{{url}}"}}
    otherwise: {{env: {{STORE: memory}}}}
"""
STACK = make_stack(web=NEEDING, top=f"{APP}needs: [web]\n", cache=CACHE)
RESTARTING = STACK.replace("{STORE: memory}}", "{STORE: memory}, later: restart}")


@dataclass
class Seen:
    """What is ready, and what ran before."""

    ready: set = field(default_factory=set)
    ran: set = field(default_factory=set)

    def is_open(self, gate):
        return gate.service in self.ready

    def runs_before(self, name):
        return name in self.ran


def write(made):
    """A plan as a text: each step with its gates and its environment."""
    steps = {}
    for step in made.steps:
        gates = [f"{gate.service}:{gate.condition.value}" for gate in step.gates]
        steps[step.name] = f"{' '.join(gates)} {' '.join(step.environment)}"
    return steps


def make_phases(stack=STACK, **options):
    before = Before(**options) if options else None
    return Phases(plan(stack), write, UP, before=before)


# Calls


def test_without_optional_services_it_is_one_call_for_all():
    phases = Phases(make_plan(make({"web": "db", "db": ""})), write, UP)

    call = phases.choose(Seen())

    assert call.words == UP
    assert call.text == {"db": " ", "web": "db:healthy "}
    assert phases.choose(Seen()) is None
    assert not phases.waiting


def test_a_call_names_what_is_settled_and_a_later_one_spares_orphans():
    phases = make_phases()

    first = phases.choose(Seen())
    assert first.words == (*UP, "cache")
    assert phases.choose(Seen()) is None
    second = phases.choose(Seen(ready={"cache"}))

    assert second.words == ("up", "--detach", "web", "top")
    assert second.text["web"] == "cache:started CACHE_URL"
    assert second.text["top"] == "web:healthy "


def test_the_first_call_reads_the_whole_text():
    assert {*make_phases().choose(Seen()).text} == {"web", "top", "cache"}


def test_what_a_call_has_not_started_is_chosen_again():
    phases = make_phases()
    phases.choose(Seen())
    phases.give_back(["cache"])

    assert phases.choose(Seen()).names == ("cache",)


def test_a_job_that_has_finished_is_not_started_again():
    stack = make({"web": "seed cache?", "seed": "", "cache": ""}, jobs="seed")
    phases = Phases(make_plan(stack), write, UP)
    phases.choose(Seen())

    phases.give_back(["seed", "cache"], finished=["seed"])

    assert phases.choose(Seen()).names == ("cache",)
    last = phases.choose(Seen(ready={"seed", "cache"}))
    assert last.names == ("web",)
    assert last.text["web"] == "cache:started "


def test_each_container_is_made_again_once_where_that_is_asked_for():
    phases = Phases(plan(STACK), write, UP, recreate=True)

    assert "--force-recreate" in phases.choose(Seen()).words
    phases.give_back(["cache"])
    assert "--force-recreate" not in phases.choose(Seen()).words
    assert "--force-recreate" in phases.choose(Seen(ready={"cache"})).words


# Exclusions


def exclude(phases, **failed):
    phases.choose(Seen())
    return phases.exclude(failed)


def test_what_starts_without_a_failed_service_gets_the_fallback():
    phases = make_phases()

    assert exclude(phases, cache="it died") == {"cache": "it died"}
    call = phases.choose(Seen())

    assert call.names == ("web", "top")
    assert call.text["web"] == " STORE"
    assert phases.find_without("web") == ("cache",)
    assert phases.list_instead("cache", Seen()) == ("web: STORE=memory",)


def test_what_is_excluded_is_excluded_once():
    phases = make_phases()
    exclude(phases, cache="it died")

    assert phases.exclude({"cache": "it died"}) == {}


def test_what_failed_before_the_first_call_is_in_no_call():
    phases = make_phases()
    phases.exclude({"cache": "no image"})

    call = phases.choose(Seen())

    assert call.names == ("web", "top")
    assert call.words == (*UP, "web", "top")
    assert not phases.waiting


def test_a_service_that_was_given_back_gets_the_fallback_that_is_due_since():
    phases = make_phases()
    phases.choose(Seen())
    phases.choose(Seen(ready={"cache"}))
    phases.give_back(["web", "top"])
    phases.exclude({"cache": "it died"})

    assert phases.choose(Seen()).text["web"] == " STORE"


# What runs already

RUNS = Seen(ran={"web", "cache", "top"})


def choose_again(stack=STACK, *, ready=False, **before):
    """What is made of web, where all runs and cache fails or is ready."""
    phases = make_phases(stack, **before)
    phases.choose(RUNS)
    if not ready:
        phases.exclude({"cache": "it died"})
    seen = Seen(ran=RUNS.ran, ready={"cache"} if ready else set())
    return phases, phases.choose(seen).text["web"]


def test_what_runs_with_the_url_keeps_it():
    phases, text = choose_again(is_replaced=lambda *_: False)

    assert text == " CACHE_URL"
    assert phases.find_without("web") == ()
    assert phases.list_instead("cache", RUNS) == ("web: keeps running as it is",)


def test_what_compose_would_replace_gets_the_fallback():
    asked = []

    def is_replaced(name, text):
        asked.append((name, text["web"]))
        return True

    assert choose_again(is_replaced=is_replaced)[1] == " STORE"
    assert asked == [("web", " CACHE_URL")]


def test_what_is_to_restart_gets_the_fallback_unasked():
    def refuse(*_):
        raise AssertionError

    assert choose_again(RESTARTING, is_replaced=refuse)[1] == " STORE"


def test_what_runs_with_the_fallback_keeps_it_unasked():
    def refuse(*_):
        raise AssertionError

    before = {"without": {"web": ("cache",)}, "is_replaced": refuse}

    assert choose_again(**before)[1] == " STORE"


def test_what_runs_with_the_fallback_gets_the_url_when_the_need_is_ready():
    phases, text = choose_again(ready=True, without={"web": ("cache",)})

    assert text == "cache:started CACHE_URL"
    assert phases.find_without("web") == ()


def test_until_it_is_settled_a_service_is_noted_as_it_was_made():
    phases = make_phases(without={"web": ("cache",)})

    assert phases.find_without("web") == ("cache",)


# Gates


def test_only_gates_within_a_call_are_left_to_compose():
    made = make_plan(
        make({"web": "api seed off?", "api": "db", "db": "", "seed": "", "off": ""})
    )
    cut = cut_gates(made, ["web", "api"], ["off"]).steps[-1]

    assert cut.name == "web"
    assert [(gate.service, gate.condition) for gate in cut.gates] == [
        ("api", Condition.HEALTHY),
        ("seed", Condition.STARTED),
    ]


# One call with words of its own


def test_one_call_is_made_once_and_again_where_it_was_cut():
    calls = OneCall(["web", "seed"], ("restart", "web", "seed"))

    assert calls.choose(Seen()).words == ("restart", "web", "seed")
    assert calls.choose(Seen()) is None
    calls.give_back(["web", "seed"], finished=["seed"])
    assert calls.choose(Seen()).names == ("web",)


@pytest.mark.parametrize("makes", [True, False])
def test_one_call_excludes_nothing(makes):
    calls = OneCall(["web"], ("restart",), makes_containers=makes)

    assert calls.makes_containers is makes
    assert not calls.can_exclude
    assert calls.exclude({"web": "it died"}) == {}
    assert (calls.find_without("web"), calls.list_instead("web", Seen())) == ((), ())


def test_a_call_names_the_containers_that_ask_from_outside_too():
    cache = "use: redis\nhealth: {tcp: true, from: outside}\n"
    phases = make_phases(make_stack(web=NEEDING, cache=cache))

    assert phases.choose(Seen()).words == (*UP, "cache", "cache-health")
    assert phases.choose(Seen(ready={"cache"})).words[-1] == "web"
