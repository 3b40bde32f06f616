"""Pictures of a stack: words and lines, and nothing that a stack can smuggle in."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from composegen.board.html import write_graph
from composegen.board.scene import JOB, OPTIONAL, REQUIRED, Box, Link, Scene
from composegen.board.svg import Mark, draw_boot, draw_scene
from composegen.places.status import State
from composegen.places.timeline import Boot

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "</title><script>alert(1)</script>&\"'\x1b]0;x\x07\u202e"


def make(*boxes: Box, links: tuple[Link, ...] = ()) -> Scene:
    return Scene(name="test", boxes=boxes, links=links)


def read(text: str) -> ET.Element:
    return ET.fromstring(text)


def list_words(text: str) -> list[str]:
    return [each.text or "" for each in read(text).iter(f"{SVG}text")]


def test_a_state_is_a_word_and_not_a_colour_alone() -> None:
    drawn = draw_scene(make(Box(service="db")), {"db": Mark(state=State.FAILED)})

    assert list_words(drawn)[:2] == ["db", "failed"]


def test_what_is_excluded_is_faint_with_its_reason_and_its_fallback() -> None:
    box = Box(service="db", reason="--without db", instead=("web: STORE=memory",))
    drawn = draw_scene(make(box))

    assert 'class="service faint"' in drawn
    assert list_words(drawn) == ["db", "excluded", "--without db", "web: STORE=memory"]


def test_lines_differ_by_the_kind_of_need() -> None:
    links = tuple(
        Link(service="web", needed=kind, kind=kind)
        for kind in (REQUIRED, OPTIONAL, JOB)
    )
    boxes = (Box(service="web"), *(Box(service=link.kind) for link in links))
    paths = [
        each
        for each in read(draw_scene(make(*boxes, links=links))).iter(f"{SVG}path")
        if "link" in each.get("class", "")
    ]

    assert [path.get("class") for path in paths] == ["link", "link optional", "link"]
    assert [bool(path.get("marker-end")) for path in paths] == [False, False, True]


def test_a_picture_says_in_words_what_it_shows() -> None:
    drawn = read(draw_scene(make(Box(service="web"), Box(service="db", reason="x"))))

    assert drawn.findtext(f"{SVG}title") == "test: services web; excluded: db"


def test_nothing_of_a_stack_becomes_markup() -> None:
    box = Box(
        service="db", what=HOSTILE, when=HOSTILE, reason=HOSTILE, instead=(HOSTILE,)
    )
    scene = Scene(name=HOSTILE, boxes=(box,), links=())
    marks = {"db": Mark(state=State.FAILED, detail=HOSTILE)}

    kinds = {
        each.tag.removeprefix(SVG) for each in read(draw_scene(scene, marks)).iter()
    }
    page = write_graph(scene, marks)

    assert "script" not in kinds
    assert "<script" not in page
    assert not any(each in page for each in "\x1b\x07\u202e")


def test_a_long_text_is_cut_to_its_card() -> None:
    drawn = draw_scene(make(Box(service="db", what="x" * 500)))

    assert max(map(len, list_words(drawn))) < 50


def test_a_page_has_no_scripts_and_fetches_nothing() -> None:
    page = write_graph(make(Box(service="web"), Box(service="db")))

    assert "default-src 'none'" in page
    assert "<script" not in page
    assert "src=" not in page.replace("default-src", "").replace("style-src", "")
    assert "href" not in page


def test_a_boot_has_a_bar_for_waiting_booting_and_being_ready() -> None:
    boots = [
        Boot(service="db", started=0.0, ready=1.0),
        Boot(service="web", started=1.0, ready=3.0, waited_for=("db",)),
        Boot(service="late", started=2.0),
    ]
    drawn = draw_boot(boots)
    kinds = [each.get("class") for each in read(drawn).iter(f"{SVG}rect")]

    assert kinds == ["boot", "up", "wait", "boot", "wait", "boot"]
    assert list_words(drawn) == ["db", "1.0 s", "web", "3.0 s", "late", "never ready"]


def test_the_critical_path_is_bold() -> None:
    boots = [
        Boot(service="db", started=0.0, ready=1.0),
        Boot(service="side", started=0.0, ready=0.5),
        Boot(service="web", started=1.0, ready=3.0, waited_for=("db",)),
    ]
    bold = [
        each.text
        for each in read(draw_boot(boots)).iter(f"{SVG}text")
        if each.get("class") == "critical"
    ]

    assert bold == ["db", "1.0 s", "web", "3.0 s"]
