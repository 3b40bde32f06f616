"""Which engine is meant, as the docker command would choose it."""

import json

from composegen.places.engine.endpoint import (
    Endpoint,
    find_endpoint,
    suggest_start,
    use_endpoint,
)


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
    (tmp_path / "config.json").write_text("{}")
    assert find_endpoint({"HOME": str(tmp_path)}) == Endpoint()
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


def test_the_folder_of_contexts_and_plugins_is_part_of_it():
    found = find_endpoint({"DOCKER_CONFIG": "/c", "DOCKER_TLS_VERIFY": "1"})
    assert found == Endpoint(settings={"DOCKER_CONFIG": "/c"})
    assert found.environment == {"DOCKER_CONTEXT": "default", "DOCKER_CONFIG": "/c"}
    found = find_endpoint({"DOCKER_CONFIG": "/c", "DOCKER_HOST": "tcp://x:1"})
    assert found.environment == {"DOCKER_HOST": "tcp://x:1", "DOCKER_CONFIG": "/c"}


def test_no_other_variable_is_ever_passed_on():
    settings = {"LD_PRELOAD": "/x", "PATH": "/x", "DOCKER_CERT_PATH": "/c"}
    for context in ("", "mine"):
        endpoint = Endpoint(host="tcp://x:1", context=context, settings=settings)
        passed = use_endpoint(endpoint, {"PATH": "/bin"})
        assert passed["PATH"] == "/bin"
        assert "LD_PRELOAD" not in passed
        assert passed["DOCKER_CERT_PATH"] == "/c"


def test_the_help_fits_the_way_it_was_chosen():
    assert "docker context use" in suggest_start(Endpoint(context="z"), "x")
    assert "DOCKER_HOST" in suggest_start(Endpoint(host="tcp://x:1", context=""), "x")
    assert "composegen run" in suggest_start(Endpoint(), "x")
    assert "usermod" in suggest_start(Endpoint(), "you may not use the socket")
