"""What a registry's answer means, as the engine passes it on."""

import pytest

from composegen.places.engine.registry import read_refusal


@pytest.mark.parametrize(
    "words",
    [
        "errors:\ndenied: requested access to the resource is denied",
        "pull access denied for x, repository does not exist",
        "manifest unknown",
        "docker.io/library/x:1: not found",
        "unauthorized: authentication required",
        "invalid reference format: repository name must be lowercase",
    ],
)
def test_a_clear_answer_says_that_there_is_no_image(words):
    text = words.replace("errors:\n", "")
    assert read_refusal(text).is_there is False
    assert read_refusal(text).words == text.splitlines()[0]


@pytest.mark.parametrize(
    "words",
    [
        'Get "https://registry-1.docker.io/v2/": dial tcp: lookup x: no such host',
        "dial tcp 127.0.0.1:5000: connect: connection refused",
        "net/http: request canceled (Client.Timeout exceeded while awaiting headers)",
        "toomanyrequests: You have reached your pull rate limit",
        "Get https://x/v2/: x509: certificate signed by unknown authority, not found",
        "unexpected status code 502",
        "",
    ],
)
def test_any_other_answer_says_nothing(words):
    assert read_refusal(words).is_there is None
