"""A run is asked by other terminals, also when it can open no more files."""

import asyncio
import json
import socket
from contextlib import asynccontextmanager

import pytest

from composegen.places.processes.control import Control
from composegen.places.processes.talking import ask_run, follow_run
from tests.refusals import list_handles, no_handles

LIMIT = 15


async def refuse(act, names):
    return {"refused": f"{act} {names}"}


@asynccontextmanager
async def open_control(folder):
    """A control socket, and what its loop complained of."""
    complaints = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    answers = {"status": lambda: {"is_up": True}}
    path = folder / "run.sock"
    about = {"launch": lambda name: {"service": name}}
    async with Control(path, answers, lambda: None, refuse, about=about):
        yield path, complaints


def make_knocker():
    knocker = socket.socket(socket.AF_UNIX)
    knocker.settimeout(0)
    return knocker


async def ask(knocker, path, wanted="status"):
    loop = asyncio.get_running_loop()
    await loop.sock_connect(knocker, str(path))
    await loop.sock_sendall(knocker, json.dumps({"do": wanted}).encode() + b"\n")
    return json.loads(await loop.sock_recv(knocker, 4096) or b"null")


def carry_out(coroutine):
    asyncio.run(asyncio.wait_for(coroutine, LIMIT))


def test_a_run_without_a_file_handle_answers_one_after_the_other(tmp_path):
    async def knock():
        knockers = [make_knocker() for _ in range(3)]
        async with open_control(tmp_path) as (path, complaints):
            with no_handles():
                for knocker in knockers:
                    assert await ask(knocker, path) == {"is_up": True}
                    knocker.close()
            assert complaints == []

    carry_out(knock())


def test_who_knocks_while_there_is_no_handle_at_all_is_answered_later(tmp_path):
    async def knock():
        first, second = make_knocker(), make_knocker()
        loop = asyncio.get_running_loop()
        async with open_control(tmp_path) as (path, complaints):
            with no_handles() as give_back:
                await loop.sock_connect(first, str(path))
                await loop.sock_sendall(first, b'{"do": "follow"}\n')
                asked = asyncio.ensure_future(ask(second, path))
                while path_is_open(loop):
                    await asyncio.sleep(0.01)
                assert not asked.done()
                give_back()
                assert await asked == {"is_up": True}
            assert complaints == []
            first.close()
            second.close()

    def path_is_open(loop):
        """Whether the run still listens for those who knock."""
        return any(
            "_let_in" in repr(key.data) for key in loop._selector.get_map().values()
        )

    carry_out(knock())


def test_a_terminal_without_a_file_handle_does_not_take_a_run_for_gone(tmp_path):
    with no_handles():
        with pytest.raises(OSError, match="Too many open files"):
            ask_run(str(tmp_path / "run.sock"), "status")
        with pytest.raises(OSError, match="Too many open files"):
            next(follow_run(str(tmp_path / "run.sock")))


def test_a_run_that_has_gone_has_no_answer(tmp_path):
    assert ask_run(str(tmp_path / "run.sock"), "status") is None
    assert list(follow_run(str(tmp_path / "run.sock"))) == []


def test_a_control_socket_leaves_no_handle_behind(tmp_path):
    async def open_and_close():
        async with open_control(tmp_path) as (path, _):
            knocker = make_knocker()
            assert await ask(knocker, path) == {"is_up": True}
            knocker.close()
        return len(list_handles())

    async def do_nothing():
        return len(list_handles())

    assert asyncio.run(open_and_close()) == asyncio.run(do_nothing())
    assert not (tmp_path / "run.sock").exists()


def ask_about(path, service):
    """Ask in a thread, as another terminal does."""
    return asyncio.to_thread(ask_run, str(path), "launch", service=service)


def test_what_is_asked_about_a_service_is_answered_to_its_own_user(tmp_path):
    async def knock():
        async with open_control(tmp_path) as (path, complaints):
            assert await ask_about(path, "web") == {"service": "web"}
            assert complaints == []

    carry_out(knock())


def test_another_user_gets_no_answer_about_a_service(tmp_path, monkeypatch):
    async def knock():
        async with open_control(tmp_path) as (path, complaints):
            monkeypatch.setattr("os.geteuid", lambda: 12345)
            assert await ask_about(path, "web") is None
            assert complaints == []

    carry_out(knock())


def test_a_question_about_no_service_has_no_answer(tmp_path):
    async def knock():
        async with open_control(tmp_path) as (path, complaints):
            assert await asyncio.to_thread(ask_run, str(path), "launch") is None
            assert complaints == []

    carry_out(knock())
