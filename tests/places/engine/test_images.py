"""Where the images of a plan can be had."""

import threading

from composegen.errors import EngineUnreachable, MissingVariable
from composegen.places.engine.containers import ImageBuild
from composegen.places.engine.images import Source, find_images, list_images
from composegen.places.engine.registry import Offer
from composegen.planning.plan import make_plan
from composegen.stackfile.load import load_stack
from tests.stacks import load_only


class Registries:
    """An engine with some images, and registries that offer what they are told."""

    def __init__(self, *here, **offers):
        self.here = here
        self.offers = offers
        self.asked = set()

    def find_image(self, name):
        return ImageBuild(id="1") if name in self.here else None

    def ask_registry(self, name):
        self.asked.add(name)
        return self.offers.get(name.partition(":")[0], Offer(is_there=True))


def list_wanted(services, files=None, fill=lambda text: text):
    plan = make_plan(load_only(f"services:\n{services}", files))
    return list_images(plan, "demo", fill)


def service(name, keys):
    return f"  {name}: {{health: {{none: x}}, {keys}}}\n"


def look(engine, *images, patience=30.0):
    text = "".join(service(f"s{i}", f"image: '{n}'") for i, n in enumerate(images))
    found = find_images(list_wanted(text), engine, patience=patience)
    return {each.image.name: each.source for each in found}


def test_images_and_bases_are_wanted_and_what_is_built_is_not():
    wanted = list_wanted(
        service("a", "image: 'a:1'")
        + service("b", "image: 'a:1'")
        + service("c", "build: ., image: 'mine:1'")
        + service("d", "image: 'mine:1'")
        + service("e", "image: demo-c"),
        {"Dockerfile": "FROM base:1"},
    )

    assert [(each.name, each.services, each.is_base) for each in wanted] == [
        ("a:1", ("a", "b"), False),
        ("base:1", ("c",), True),
    ]


def test_an_empty_base_is_not_wanted():
    assert list_wanted(service("a", "build: ."), {"Dockerfile": "FROM scratch"}) == ()


def test_a_base_that_is_read_beyond_the_folder_is_not_asked_for(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM secret-word\n")
    folder = tmp_path / "stack"
    folder.mkdir()
    (folder / "Dockerfile").symlink_to("../Dockerfile")
    (folder / "stack.yaml").write_text(f"services:\n{service('a', 'build: .')}")
    plan = make_plan(load_stack(folder / "stack.yaml").stack)

    assert list_images(plan, "demo", lambda text: text) == ()


def test_an_image_without_its_variable_is_not_judged():
    def fill(text):
        raise MissingVariable("TAG")

    assert list_wanted(service("a", "image: 'a:${TAG?}'"), fill=fill) == ()


def test_only_what_the_engine_lacks_is_asked_for():
    engine = Registries("a:1", b=Offer(is_there=False), c=Offer(is_there=None))

    assert look(engine, "a:1", "b:1", "c:1", "d:1") == {
        "a:1": Source.HERE,
        "b:1": Source.NOWHERE,
        "c:1": Source.UNKNOWN,
        "d:1": Source.REGISTRY,
    }
    assert engine.asked == {"b:1", "c:1", "d:1"}


def test_a_pull_policy_decides_whether_the_registry_is_asked():
    engine = Registries("a:1")
    wanted = list_wanted(
        service("a", "image: 'a:1', pull_policy: always")
        + service("b", "image: 'b:1', pull_policy: never")
    )

    found = list(find_images(wanted, engine))

    assert [each.source for each in found] == [Source.REGISTRY, Source.NOWHERE]
    assert engine.asked == {"a:1"}


def test_registries_are_asked_at_once_and_not_waited_for_without_end():
    class Slow(Registries):
        both = threading.Barrier(2)
        never = threading.Event()

        def ask_registry(self, name):
            if name == "slow:1":
                self.never.wait(60)
            else:
                self.both.wait(30)  # passes only if the other one is asked meanwhile
            return Offer(is_there=True)

    engine = Slow()
    try:
        found = look(engine, "a:1", "b:1", "slow:1", patience=1.0)
    finally:
        engine.never.set()

    assert found["slow:1"] is Source.UNKNOWN
    assert found["a:1"] is found["b:1"] is Source.REGISTRY


def test_an_engine_that_goes_away_leaves_it_unknown():
    class Gone(Registries):
        def ask_registry(self, name):
            raise EngineUnreachable("the connection was lost")

    assert look(Gone(), "a:1") == {"a:1": Source.UNKNOWN}
