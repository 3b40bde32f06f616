"""Which engine is meant, as the docker command would choose it."""

import json

from composegen.endpoint import Endpoint, find_endpoint, suggest_start, use_endpoint


def test_docker_host_comes_first():
    found = find_endpoint(
        {"DOCKER_HOST": "tcp://x:1", "DOCKER_CONTEXT": "y", "DOCKER_TLS_VERIFY": "1"}
    )
    assert found.host == "tcp://x:1"
    assert found.context == ""
    assert found.environment == {"DOCKER_HOST": "tcp://x:1", "DOCKER_TLS_VERIFY": "1"}


def test_then_the_context_of_the_environment(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"currentContext": "other"}))
    found = find_endpoint({"DOCKER_CONTEXT": "y", "DOCKER_CONFIG": str(tmp_path)})
    assert found.context == "y"


def test_then_the_current_context(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"currentContext": "other"}))
    assert find_endpoint({"DOCKER_CONFIG": str(tmp_path)}).context == "other"


def test_else_the_engine_that_is_here(tmp_path):
    assert find_endpoint({"DOCKER_CONFIG": str(tmp_path)}) == Endpoint()
    (tmp_path / "config.json").write_text("not JSON")
    assert find_endpoint({"HOME": str(tmp_path)}) == Endpoint()


def test_the_docker_command_is_led_to_the_same_engine():
    inherited = {"PATH": "/bin", "DOCKER_HOST": "tcp://x:1", "DOCKER_CONTEXT": "y"}
    assert use_endpoint(Endpoint(context="z"), inherited) == {
        "PATH": "/bin",
        "DOCKER_CONTEXT": "z",
    }
    assert use_endpoint(Endpoint(host="tcp://w:2", context=""), inherited) == {
        "PATH": "/bin",
        "DOCKER_HOST": "tcp://w:2",
    }


def test_the_mend_fits_the_way_it_was_chosen():
    assert "docker context use" in suggest_start(Endpoint(context="z"), "x")
    assert "DOCKER_HOST" in suggest_start(Endpoint(host="tcp://x:1", context=""), "x")
    assert "composegen run" in suggest_start(Endpoint(), "x")
    assert "usermod" in suggest_start(Endpoint(), "you may not use the socket")
