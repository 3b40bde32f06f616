"""The commands as they are typed: what goes where, and what they exit with."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from composegen.commands import _run
from composegen.errors import ProblemsFound
from composegen.stackfile.load import load_stack
from tests.refusals import no_handles

STACK = """\
name: shop

services:
  web:
    image: python:3.13-slim
    publish: 8080
    health: /health
    needs:
      cache:
        env: {CACHE_URL: "{url}"}
        otherwise:
          env: {CACHE: memory}

  cache:
    use: redis
"""
BROKEN = "services:\n  web:\n    image: nginx:1.29\n    prot: 80\n    needs: [bd]\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a small stack in it."""
    (tmp_path / "stack.yaml").write_text(STACK, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_render_writes_next_to_the_stack_and_talks_to_stderr(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(["render"]) == 0

    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "wrote compose.yaml: 2 services\n"
    assert "cache" in (folder / "compose.yaml").read_text()


def test_render_to_stdout_writes_no_file(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(["render", "-o", "-"]) == 0

    said = capsys.readouterr()
    assert said.out.startswith("# Made by composegen")
    assert said.err == ""
    assert not (folder / "compose.yaml").exists()


def test_a_second_render_leaves_the_file_alone(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _run(["render"])
    before = (folder / "compose.yaml").stat()
    stamp = (before.st_ino, before.st_mtime_ns)

    assert _run(["render"]) == 0

    after = (folder / "compose.yaml").stat()
    assert (after.st_ino, after.st_mtime_ns) == stamp
    assert "up to date" in capsys.readouterr().err


def test_check_of_a_rendered_file_keeps_its_selection(folder: Path) -> None:
    _run(["render", "--without", "cache", "--engine", "24"])

    assert _run(["render", "--check"]) == 0


def test_check_of_a_stale_file_shows_the_difference_and_fails(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _run(["render", "--without", "cache"])
    (folder / "stack.yaml").write_text(STACK.replace("8080", "9090"), encoding="utf-8")
    capsys.readouterr()

    assert _run(["render", "--check"]) == 1

    said = capsys.readouterr()
    assert "-      - '127.0.0.1:8080:8080'" in said.out
    assert "+      - '127.0.0.1:9090:9090'" in said.out
    assert "error[stale]" in said.err
    assert "8080" in (folder / "compose.yaml").read_text()


def test_check_of_no_file_fails(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(["render", "--check"]) == 1
    assert "there is no such file" in capsys.readouterr().err


def test_a_broken_stack_renders_nothing_and_loses_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _run(["render"])
    before = (folder / "compose.yaml").read_text()
    (folder / "stack.yaml").write_text(BROKEN, encoding="utf-8")
    capsys.readouterr()

    assert _run(["render"]) == 1

    assert (folder / "compose.yaml").read_text() == before
    assert capsys.readouterr().out == ""


def test_errors_are_shown_with_file_line_column_and_help(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "stack.yaml").write_text(BROKEN, encoding="utf-8")

    assert _run(["check"]) == 1

    assert capsys.readouterr().err == (
        "error[unknown-key]: a service has no key `prot`\n"
        " --> stack.yaml:4:5\n"
        "  |\n"
        "4 |     prot: 80\n"
        "  |     ^^^^\n"
        "  = help: did you mean `port`?\n"
        "\n"
        "error[unknown-service]: `web` needs `bd`, which is not in this stack\n"
        " --> stack.yaml:5:13\n"
        "  |\n"
        "5 |     needs: [bd]\n"
        "  |             ^^\n"
        "  = help: there are web\n"
        "\n"
        "2 errors\n"
    )


def test_check_as_json_is_data_on_stdout(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "stack.yaml").write_text(BROKEN, encoding="utf-8")

    assert _run(["check", "--format", "json"]) == 1

    said = capsys.readouterr()
    problems = json.loads(said.out)
    assert said.err == ""
    assert [(p["name"], p["line"], p["column"]) for p in problems] == [
        ("unknown-key", 4, 5),
        ("unknown-service", 5, 13),
    ]
    assert set(problems[0]) == {
        "file",
        "line",
        "column",
        "level",
        "name",
        "message",
        "help",
    }


def test_warnings_count_only_when_strict(folder: Path) -> None:
    (folder / "stack.yaml").write_text(STACK.replace("3.13-slim", "latest"))

    assert _run(["check"]) == 0
    assert _run(["check", "--strict"]) == 1


def test_a_stack_without_problems_says_so(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(["check", "--strict"]) == 0
    assert capsys.readouterr().err == "stack.yaml: no problems\n"


def test_a_selection_that_cannot_be_is_a_problem(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(["plan", "--without", "web,cache"]) == 1
    assert "leaves no service" in capsys.readouterr().err


def test_a_service_that_does_not_exist_is_wrong_usage(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(["plan", "--without", "cahce"]) == 2
    assert "did you mean `cache`?" in capsys.readouterr().err


def test_plan_as_json_has_steps_gates_and_what_is_excluded(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(["plan", "--without", "cache", "--format", "json"]) == 0

    plan = json.loads(capsys.readouterr().out)
    assert [step["service"] for step in plan["steps"]] == ["web"]
    assert plan["left_out"] == [
        {
            "service": "cache",
            "reason": "--without cache",
            "instead": [
                {
                    "service": "web",
                    "env": {"CACHE": "memory"},
                    "replicas": None,
                    "note": None,
                }
            ],
        }
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ["rendr"],
        ["render", "--no-such-flag"],
        ["render", "--engine", "x"],
        ["render", "--engine", "19"],
        ["render", "--check", "-o", "-"],
    ],
)
def test_wrong_usage_exits_with_2(
    arguments: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error")


def test_no_stack_file_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    assert _run(["render"]) == 1

    said = capsys.readouterr().err
    assert said.startswith("error[file]: stack.yaml: there is no such file\n")
    assert "composegen init --bare" in said


@pytest.mark.parametrize("name", ["compose.yaml", "docker-compose.yml"])
@pytest.mark.parametrize("command", ["check", "plan", "render"])
def test_no_stack_file_beside_a_compose_file_names_adopt(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    command: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_text("services: {web: {image: 'a:1'}}\n")

    assert _run([command]) == 1

    said = capsys.readouterr().err
    assert f"`composegen adopt` writes one from {name}\n" in said
    assert "init --bare" not in said


def test_no_stack_file_beside_what_was_rendered_does_not_name_adopt(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    _run(["render"])
    (folder / "stack.yaml").unlink()
    capsys.readouterr()

    assert _run(["render"]) == 1

    assert "composegen init --bare" in capsys.readouterr().err


def test_a_stack_in_a_parent_folder_is_found_and_named_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _run(["render"])
    before = (folder / "compose.yaml").read_bytes()
    (folder / "web" / "deep").mkdir(parents=True)
    monkeypatch.chdir(folder / "web" / "deep")
    capsys.readouterr()

    assert _run(["render", "--check"]) == 0

    above = "../.."
    assert capsys.readouterr().err == (
        f"using {above}/stack.yaml\n{above}/compose.yaml is up to date\n"
    )
    assert _run(["up", "--help"]) == 0
    assert _run(["render", "-f", "../../stack.yaml"]) == 0
    assert "using" not in capsys.readouterr().err
    assert (folder / "compose.yaml").read_bytes() == before


def test_paths_of_a_stack_stay_relative_to_its_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "stack.yaml").write_text(
        "secrets: {key: {generate: true}}\n"
        "services:\n  api: {build: ./api, port: 80, env_file: api.env,\n"
        "    health: {http: /, tool: curl}, secrets: {key: KEY_FILE}}\n",
        encoding="utf-8",
    )
    (folder / "api").mkdir()
    (folder / "api" / "Dockerfile").write_text("FROM scratch\n")
    (folder / "api.env").write_text("A=1\n")
    monkeypatch.chdir(folder / "api")

    assert _run(["check"]) == 0
    assert _run(["secrets"]) == 0
    assert _run(["render", "-o", "here.yaml"]) == 0

    assert (folder / ".secrets" / "key").exists()
    assert not (folder / "api" / ".secrets").exists()
    written = (folder / "api" / "here.yaml").read_text()
    assert "composegen render -f ../stack.yaml -o here.yaml" in written
    assert "../.secrets/key" in written


def test_init_looks_only_here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "below").mkdir()
    monkeypatch.chdir(folder / "below")

    assert _run(["init", "--bare"]) == 0

    assert (folder / "below" / "stack.yaml").exists()


@pytest.mark.parametrize("has_stack", [True, False])
def test_a_stack_file_after_f_of_logs_is_wrong_usage(
    has_stack: bool, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "stack.yaml").rename(folder / "other.yaml")
    if has_stack:
        (folder / "stack.yaml").write_text(STACK, encoding="utf-8")

    assert _run(["logs", "-f", "other.yaml"]) == 2

    said = capsys.readouterr().err
    assert "`other.yaml` is a file and no service" in said
    assert "--file other.yaml" in said
    assert _run(["logs", "--file", "other.yaml", "-f", "wbe"]) == 2
    assert "did you mean `web`" in capsys.readouterr().err


def test_a_service_that_is_called_like_a_file_is_a_service(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "web").write_text("")

    assert _run(["logs", "web"]) == 0
    assert _run(["logs", "web", "wbe"]) == 2
    assert "did you mean `web`" in capsys.readouterr().err


def test_an_output_folder_that_is_not_there_is_no_traceback(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(["render", "-o", "nowhere/compose.yaml"]) == 1
    assert "mkdir -p nowhere" in capsys.readouterr().err


def test_paths_are_seen_from_the_output(folder: Path) -> None:
    (folder / "stack.yaml").write_text(
        "services:\n  web:\n    build: ./app\n    volumes: [./data:/data]\n"
        "    health: {none: example}\n    secrets: [key]\n"
    )
    (folder / "deploy").mkdir()

    assert _run(["render", "-o", "deploy/compose.yaml"]) == 0

    text = (folder / "deploy" / "compose.yaml").read_text()
    assert "build: ../app" in text
    assert "source: ../data" in text
    assert "file: ../.secrets/key" in text
    assert "from ../stack.yaml" in text


def test_graph_is_mermaid(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["graph"]) == 0
    assert capsys.readouterr().out.startswith("flowchart LR\n")


def test_init_bare_writes_a_stack_that_renders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert _run(["init", "--bare"]) == 0
    assert _run(["check", "--strict"]) == 0
    assert _run(["render"]) == 0
    assert _run(["init", "--bare"]) == 1


def test_secrets_makes_files_and_says_what_is_empty(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_KEY", "canary-value")
    (folder / "stack.yaml").write_text(
        STACK.replace("    use: redis", "    use: redis\n    secrets: [API_KEY, OTHER]")
    )

    assert _run(["secrets"]) == 0

    said = capsys.readouterr()
    assert "canary-value" not in said.out + said.err
    assert (folder / ".secrets" / "API_KEY").read_text() == "canary-value"
    assert "empty" in said.out
    assert "set OTHER" in said.out


def run_command(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "composegen", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        **options,  # type: ignore[call-overload]
    )


def test_help_names_the_exit_codes() -> None:
    answer = run_command("--help")
    assert answer.returncode == 0
    assert "0 fine, 1 a problem was found, 2 wrong usage" in answer.stdout


@pytest.mark.parametrize("command", ["check", "plan", "render", "secrets", "init"])
def test_every_command_has_help(command: str) -> None:
    answer = run_command(command, "--help")
    assert answer.returncode == 0
    assert answer.stdout.startswith(f"Usage: composegen {command} ")


def test_a_reader_that_goes_away_is_no_error(folder: Path) -> None:
    pipe = f"set -o pipefail; {sys.executable} -m composegen explain | head -n 1"
    answer = subprocess.run(
        ["bash", "-c", pipe],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert (answer.returncode, answer.stderr) == (0, "")


def test_start_up_imports_nothing_that_only_commands_need() -> None:
    code = (
        "import sys, composegen.commands; "
        "late = ('yaml', 'jinja2', 'docker', 'asyncio'); "
        "print([m for m in late if m in sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert answer.stdout == "[]\n"


def test_render_needs_no_docker_sdk(folder: Path) -> None:
    code = (
        "import sys; from composegen.commands import _run; "
        "assert _run(['render', '-o', '/dev/null', '--force']) == 0; "
        "others = ('docker', 'jinja2', 'requests', 'asyncio', 'redis'); "
        "print([m for m in others if m in sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert answer.stdout == "[]\n"


def test_the_header_names_the_command_that_makes_the_file_again(folder: Path) -> None:
    (folder / "stack.yaml").rename(folder / "shop.yaml")
    (folder / "deploy").mkdir()

    _run(["render", "-f", "shop.yaml", "-o", "deploy/prod.yaml", "--without", "cache"])

    text = (folder / "deploy" / "prod.yaml").read_text()
    line = text.splitlines()[1]
    assert line == "# composegen render -f ../shop.yaml -o prod.yaml --without cache"
    assert _run(["render", "-f", "shop.yaml", "-o", "deploy/prod.yaml", "--check"]) == 0


def test_a_required_service_that_is_disabled_comes_with_its_flag(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "stack.yaml").write_text(
        "services:\n"
        "  web: {image: 'python:3.13', publish: 80, health: /, needs: [db]}\n"
        "  db: {image: 'python:3.13', port: 81, health: /, enabled: false}\n"
    )

    assert _run(["plan"]) == 1
    assert "this would work: --with db" in capsys.readouterr().err
    assert _run(["plan", "--with", "db"]) == 0


def test_no_command_at_all_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run([]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("Usage: composegen")


def test_run_refuses_a_service_that_does_not_exist(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(["run", "--with", "cahce"]) == 2
    assert "did you mean `cache`?" in capsys.readouterr().err


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&- <&-"])
def test_closed_streams_end_nothing(folder: Path, closed: str) -> None:
    answer = subprocess.run(
        f"{sys.executable} -m composegen render {closed}",
        shell=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert answer.returncode == 0
    assert (folder / "compose.yaml").read_text().startswith("# Made by composegen")


def test_an_interrupt_while_it_is_being_loaded_ends_it_quietly(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("raise KeyboardInterrupt\n")
    answer = subprocess.run(
        [sys.executable, "-c", "from composegen.__main__ import main; main()"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[1]}"},
    )

    assert (answer.returncode, answer.stdout, answer.stderr) == (130, "", "")


def test_a_message_of_several_lines_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["completion"]) == 2

    assert "Choose from: bash, zsh, fish\n" in capsys.readouterr().err


def test_problems_speak_for_themselves_where_nothing_catches_them(folder: Path) -> None:
    (folder / "stack.yaml").write_text("services: {web: {use: nginx, nedes: [a]}}\n")
    with pytest.raises(ProblemsFound) as raised:
        load_stack(folder / "stack.yaml", "stack.yaml")

    assert str(raised.value) == (
        "stack.yaml:1:30: error[unknown-key]: a service has no key `nedes`"
    )


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["plan", "--without"], "see composegen plan --help\n"),
        (["plan", "--wihtout", "a"], "see composegen plan --help\n"),
        (["plam"], "see composegen --help\n"),
    ],
)
def test_wrong_usage_names_the_help_of_its_command(
    arguments: list[str], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(arguments) == 2

    assert capsys.readouterr().err.endswith(hint)


@pytest.mark.parametrize("command", ["check", "status"])
def test_without_a_file_handle_a_command_names_the_limit_and_ends(
    folder: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    (folder / ".composegen" / "run").mkdir(parents=True)
    _run([command])  # loads what it needs
    capsys.readouterr()

    with no_handles():
        assert _run([command]) == 1

    said = capsys.readouterr().err
    assert "too many open files: this process has reached its limit of" in said
    assert "= help: raise the limit first: ulimit -n 1024" in said
