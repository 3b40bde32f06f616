"""Settings: names, files, precedence, and refusals that name the variable."""

from pathlib import Path

import pytest

from router.settings import SettingsError, load_settings


def test_defaults_need_no_environment() -> None:
    settings = load_settings({})
    assert (settings.host, settings.port) == ("127.0.0.1", 8888)
    assert (settings.session_ttl, settings.boot_delay) == (1800, 0)
    assert settings.redis_url is None
    assert settings.llm_base_url is None
    assert settings.llm_api_key is None
    assert settings.routes_file.exists()


def test_empty_means_not_set(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.write_text("\n")
    names = ["HOST", "PORT", "REDIS_URL", "SESSION_STORE", "SESSION_TTL", "BOOT_DELAY"]
    names += ["LLM_BASE_URL", "LLM_API_KEY", "GROQ_API_KEY", "LLM_MODEL", "ROUTES_FILE"]
    env = dict.fromkeys(names, "")
    for name in ("REDIS_URL", "LLM_BASE_URL", "LLM_API_KEY", "GROQ_API_KEY"):
        env[f"{name}_FILE"] = str(empty)
    assert load_settings(env) == load_settings({})
    assert load_settings({f"{name}_FILE": "" for name in names}) == load_settings({})


@pytest.mark.parametrize(
    ("env", "url", "key"),
    [
        ({"GROQ_API_KEY": "g"}, "https://api.groq.com/openai/v1", "g"),
        ({"LLM_API_KEY": "l"}, "https://api.openai.com/v1", "l"),
        (
            {"LLM_API_KEY": "l", "GROQ_API_KEY": "g", "LLM_BASE_URL": "http://x/v1/"},
            "http://x/v1",
            "l",
        ),
        ({"LLM_BASE_URL": "http://x"}, "http://x", None),
    ],
)
def test_a_key_or_an_address_makes_a_provider(
    env: dict[str, str], url: str, key: str | None
) -> None:
    settings = load_settings(env)
    assert (settings.llm_base_url, settings.llm_api_key) == (url, key)


def test_keys_and_addresses_may_come_in_files(tmp_path: Path) -> None:
    env = {}
    values = {
        "REDIS_URL": "redis://:pw@r:6379/0",
        "LLM_BASE_URL": "http://x/v1",
        "LLM_API_KEY": "l",
        "GROQ_API_KEY": "g",
    }
    for name, value in values.items():
        path = tmp_path / name
        path.write_text(f"{value}\n")
        env[f"{name}_FILE"] = str(path)
    settings = load_settings(env)
    assert settings.redis_url == values["REDIS_URL"]
    assert settings.llm_base_url == values["LLM_BASE_URL"]
    assert settings.llm_api_key == "l"
    assert load_settings({**env, "LLM_API_KEY": "direct"}).llm_api_key == "direct"
    shown = repr(settings)
    assert "pw" not in shown
    assert "'l'" not in shown


def test_memory_wins_over_an_address() -> None:
    env = {"REDIS_URL": "redis://r", "SESSION_STORE": "memory"}
    assert load_settings(env).redis_url is None
    assert load_settings({"REDIS_URL": "redis://r"}).redis_url == "redis://r"


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"SESSION_STORE": "redis"}, "REDIS_URL"),
        ({"SESSION_STORE": "postgres"}, "memory or redis"),
        ({"REDIS_URL": "r:6379"}, "redis://"),
        ({"REDIS_URL": "redis://:secret"}, "REDIS_URL: use"),
        ({"REDIS_URL": "redis://:secret@h:port"}, "REDIS_URL: use"),
        ({"REDIS_URL": "redis://[::1"}, "REDIS_URL: use"),
        ({"REDIS_URL": "unix://"}, "REDIS_URL: use"),
        ({"PORT": "http"}, "PORT"),
        ({"PORT": "70000"}, "65535"),
        ({"PORT": "80.5"}, "whole"),
        ({"SESSION_TTL": "0"}, "SESSION_TTL"),
        ({"SESSION_TTL": "nan"}, "SESSION_TTL"),
        ({"SESSION_TTL": "1e300"}, "SESSION_TTL"),
        ({"BOOT_DELAY": "-1"}, "BOOT_DELAY"),
        ({"BOOT_DELAY": "inf"}, "BOOT_DELAY"),
        ({"LLM_BASE_URL": "x/v1"}, "LLM_BASE_URL"),
        ({"LLM_BASE_URL": "http:///v1"}, "LLM_BASE_URL"),
        ({"LLM_BASE_URL": "http://["}, "LLM_BASE_URL"),
        ({"GROQ_API_KEY_FILE": "/nowhere/key"}, "GROQ_API_KEY_FILE"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(
    env: dict[str, str], words: str
) -> None:
    with pytest.raises(SettingsError, match=words) as caught:
        load_settings(env)
    assert "secret" not in str(caught.value)
