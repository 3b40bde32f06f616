"""Hardening is decided as values, from the stack file and the facts of an image."""

from __future__ import annotations

import pytest

from composegen.model import RELAXABLE, Build, Facts, Mount, Service
from composegen.planning.hardening import (
    Reason,
    Scratch,
    harden_any,
    harden_service,
)

FACTS = Facts(
    name="shop",
    why="it steps down",
    user="70:71",
    writable=("/run/shop",),
    volumes=("/data",),
    cap_add=("CHOWN",),
)
KNOWN = Reason(source="shop", text="it steps down")
TMP = Scratch(path="/tmp")


def test_a_service_that_nothing_is_known_about_has_every_protection() -> None:
    hardening = harden_service(Service(name="app"))

    assert hardening == harden_any({})
    assert hardening.protections == frozenset(RELAXABLE)
    assert hardening.scratch == (TMP,)


@pytest.mark.parametrize("name", RELAXABLE)
def test_a_relaxed_protection_cites_the_stack_file(name: str) -> None:
    hardening = harden_service(Service(name="app", relax={name: "it must"}))

    assert hardening.protections == frozenset(RELAXABLE) - {name}
    assert hardening.reasons == {name: Reason(source="relax", text="it must")}


def test_what_an_image_cannot_bear_cites_its_facts() -> None:
    facts = Facts(name="shop", why="it writes its own files", read_only=False)
    hardening = harden_service(Service(name="app", facts=facts))

    assert not hardening.is_read_only
    assert hardening.scratch == ()
    assert hardening.reasons == {
        "read_only": Reason(source="shop", text="it writes its own files")
    }


def test_the_stack_file_keeps_what_facts_switch_off() -> None:
    facts = Facts(name="shop", read_only=False, init=False, writable=("/run/shop",))
    service = Service(name="app", facts=facts, kept=frozenset({"read_only"}))
    hardening = harden_service(service)

    assert hardening.is_read_only
    assert [scratch.path for scratch in hardening.scratch] == ["/tmp", "/run/shop"]
    assert set(hardening.reasons) == {"init"}


def test_facts_give_a_user_capabilities_and_folders() -> None:
    hardening = harden_service(Service(name="app", facts=FACTS))

    assert hardening.user == "70:71"
    assert hardening.cap_add == ("CHOWN",)
    assert hardening.volumes == ("/data",)
    assert hardening.scratch == (TMP, Scratch(path="/run/shop", user="70", group="71"))
    assert hardening.reasons == {"user": KNOWN, "cap_add": KNOWN, "volumes": KNOWN}


def test_another_user_gets_no_capabilities_and_owns_its_folders() -> None:
    build = Build(options={}, user="1000")
    hardening = harden_service(Service(name="app", facts=FACTS, build=build))

    assert (hardening.user, hardening.cap_add) == ("", ())
    assert hardening.scratch[1] == Scratch(path="/run/shop", user="1000", group="1000")


def test_a_folder_that_the_service_mounts_is_its_own() -> None:
    mounts = tuple(Mount(source="v", target=path) for path in ("/tmp", "/data/"))
    service = Service(name="app", facts=FACTS, volumes=mounts, tmpfs=("/run/shop",))
    hardening = harden_service(service)

    assert (hardening.scratch, hardening.volumes) == ((), ())


def test_programs_may_run_in_tmp_where_an_image_needs_it() -> None:
    facts = Facts(name="shop", exec_tmp=True)
    hardening = harden_service(Service(name="app", facts=facts))

    assert hardening.scratch == (Scratch(path="/tmp", may_execute=True),)
