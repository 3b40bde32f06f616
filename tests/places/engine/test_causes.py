"""What is behind a container that is not up, and the line that fixes it."""

import pytest

from composegen.places.engine.causes import format_size
from composegen.places.engine.containers import Socket, Status
from composegen.places.engine.deaths import Death
from tests.enginefakes import see_web, see_web_dead


def test_unknown_facts_stay_unknown():
    assert see_web_dead("something went wrong") == ("", "")


def test_out_of_memory_comes_before_what_the_log_says():
    cause, help = see_web_dead(
        "Permission denied: '/x/y'",
        code=137,
        memory=64 << 20,
        evidence={"was_out_of_memory": True},
    )
    assert cause == "it ran out of memory: the limit is 64M"
    assert "resources: {memory: 128M}" in help


def test_a_kill_is_told_apart_from_a_lack_of_memory():
    cause, _ = see_web_dead(code=137)
    assert cause == "it was killed (SIGKILL); the engine saw no lack of memory"
    stopped = Death(id="id-web", at=1.0, exit_code=137, was_stopped=True)
    cause, _ = see_web_dead(code=137, evidence={"death": stopped})
    assert cause == "the engine was asked to stop it: docker stop or kill"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (126, "may not be executed"),
        (127, "is not in the image"),
        (139, "it was killed by SIGSEGV"),
    ],
)
def test_an_exit_code_speaks(code, words):
    assert words in see_web_dead(code=code)[0]


def test_a_program_that_a_shell_does_not_find_is_named():
    assert see_web_dead("sh: 1: uvicorn: not found", code=127)[0] == (
        "`uvicorn` is not in the image"
    )


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            'exec: "server": executable file not found in $PATH: unknown',
            "`server` is not in the image",
        ),
        ("exec /app: exec format error", "neither one for this processor nor a script"),
        (
            "Bind for 127.0.0.1:3000 failed: port is already allocated",
            "port 3000 of this machine is taken by pid 7",
        ),
        (
            "bind source path does not exist: /home/me/.secrets/KEY",
            "/home/me/.secrets/KEY, which it mounts, does not exist",
        ),
        (
            'error mounting "/home/me/x" to rootfs at "/x": no such file or directory',
            "/home/me/x, which it mounts, does not exist",
        ),
        (
            'error mounting "/home/me/x" to rootfs at "/etc/x": not a directory',
            "/home/me/x is a folder, and /etc/x is a file in the image",
        ),
        ('exec: "/bin/app": permission denied', "may not be executed"),
        ("a new kind of trouble", "a new kind of trouble"),
    ],
)
def test_a_start_that_failed_says_why(error, words):
    cause, _ = see_web(status=Status.CREATED, error=error, evidence={"holder": "pid 7"})
    assert words in cause


def test_a_dependency_on_loopback_is_said_by_its_dependent():
    cause, help = see_web_dead(
        needs=["api"],
        evidence={"needed": {"api": (9000, (Socket(host="127.0.0.1", port=9000),))}},
    )
    assert cause.startswith("`api` listens only on 127.0.0.1:9000")
    assert help == "let `api` listen on 0.0.0.0:9000"


def test_a_dependency_on_every_address_is_not_to_blame():
    sockets = Socket(host="127.0.0.1", port=9000), Socket(host="0.0.0.0", port=9000)
    assert see_web_dead(
        needs=["api"], evidence={"needed": {"api": (9000, sockets)}}
    ) == (
        "",
        "",
    )


@pytest.mark.parametrize(
    ("size", "text"),
    [(2 << 30, "2G"), (512 << 20, "512M"), (3 << 10, "3K"), (7, "7b"), (0, "")],
)
def test_a_size_is_said_as_a_stack_file_says_it(size, text):
    assert format_size(size) == text


# What Podman says in other words


def test_podman_s_init_does_not_name_the_program_that_is_not_there():
    line = "ERROR (catatonit:2): failed to exec pid1: "

    def see(words):
        return see_web_dead(line + words, command=("serve", "-x"))[0]

    assert see("No such file or directory") == "`serve` is not in the image"
    assert see("Permission denied") == "`serve` may not be executed"
    assert "file capabilities" in see("Operation not permitted")
    assert "nor a script" in see("Exec format error")


def test_crun_s_words_for_a_folder_that_is_mounted_on_a_file():
    error = (
        "crun: mount `/x/absent.txt` to `etc/motd`: Not a directory: OCI runtime error"
    )

    cause, help = see_web(error=error, status=Status.CREATED)

    assert cause == "/x/absent.txt is a folder, and /etc/motd is a file in the image"
    assert "rmdir /x/absent.txt" in help
