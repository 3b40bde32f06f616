"""A folder with a small stack, for commands that are typed with an error."""

import pytest

from composegen.commands import _run


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder in which commands are typed; it holds the stack `shop`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COMPOSE_PROJECT_NAME", raising=False)
    (tmp_path / "stack.yaml").write_text(
        "name: shop\nservices: {web: {image: 'nginx:1.29', health: {none: x}}}\n"
    )
    return tmp_path


@pytest.fixture
def say(capsys):
    """What a command line with an error says; it prints nothing else."""

    def say(*words):
        assert _run(list(words)) == 2
        said = capsys.readouterr()
        assert said.out == ""
        return said.err

    return say
