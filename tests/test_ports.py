"""Published ports are read as Compose reads its short form."""

from __future__ import annotations

import pytest

from composegen.ports import Port, parse_port, parse_published_port


@pytest.mark.parametrize("text", ["1", "80", "65535", "00080"])
def test_a_port_is_a_number(text: str) -> None:
    assert parse_port(text) == int(text)


@pytest.mark.parametrize("text", ["0", "65536", "-1", "", "http", "8.0", "8_0", "٨٠"])
def test_a_port_lies_between_1_and_65535(text: str) -> None:
    with pytest.raises(ValueError, match="between 1 and 65535"):
        parse_port(text)


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("8080", Port(published="8080")),
        ("8080:80", Port(published="8080", target="80")),
        ("0.0.0.0:8080", Port(address="0.0.0.0", published="8080")),
        ("0.0.0.0:53:53", Port(address="0.0.0.0", published="53", target="53")),
        ("5000:5000/udp", Port(published="5000", target="5000", protocol="udp")),
        ("[::1]:80", Port(address="::1", published="80")),
        ("[::]:80:90", Port(address="::", published="80", target="90")),
        ("0", Port(published="")),
        ("0:3000", Port(published="", target="3000")),
        ("127.0.0.1:0:3000", Port(published="", target="3000")),
        ("0.0.0.0:0:3000", Port(address="0.0.0.0", published="", target="3000")),
        ("[::1]:0:80", Port(address="::1", published="", target="80")),
        ("0:3000-3002", Port(published="", target="3000-3002")),
        ("${P:-3000}", Port(published="${P:-3000}")),
        ("${P}:80", Port(published="${P}", target="80")),
        (
            "127.0.0.2:${P:-1}:80",
            Port(address="127.0.0.2", published="${P:-1}", target="80"),
        ),
        ("3000-3002:3000-3002", Port(published="3000-3002", target="3000-3002")),
        ("3000-3002:80", Port(published="3000-3002", target="80")),
        (
            "${BIND:-127.0.0.1}:${P:-80}:${Q:-81}/udp",
            Port(
                address="${BIND:-127.0.0.1}",
                published="${P:-80}",
                target="${Q:-81}",
                protocol="udp",
            ),
        ),
        ("${BIND}:80:81", Port(address="${BIND}", published="80", target="81")),
        ("${BIND:-10.0.0.1}:80", Port(address="${BIND:-10.0.0.1}", published="80")),
        (
            "${BIND:-[::1]}:80:81",
            Port(address="${BIND:-[::1]}", published="80", target="81"),
        ),
        ("${P:?set P/Q: now}:80", Port(published="${P:?set P/Q: now}", target="80")),
        ("80:${P}", Port(published="80", target="${P}")),
    ],
)
def test_a_published_port_is_compose_s_short_form(text: str, port: Port) -> None:
    assert parse_published_port(text) == port


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (":80", "a random port is 0"),
        ("127.0.0.1::80", "a random port is 0"),
        ("80:0", "between 1 and 65535"),
        ("a:b", "between 1 and 65535"),
        ("", "between 1 and 65535"),
        ("80:", None),
        ("1.2.3.4:80:81:82", "too many colons"),
        ("80:81:82", None),
        ("localhost:80", "write 127.0.0.1"),
        ("256.0.0.1:80", "not an IPv4"),
        ("80/http", "not a protocol"),
        ("80/", "not a protocol"),
        ("[1]:80", "IPv6"),
        ("[::1]80", "IPv6"),
        ("3002-3000", "ends before it begins"),
        ("3000-3002:80-81", "differ in length"),
        ("80:${P:-x}", "between 1 and 65535"),
        ("${A:-localhost}:80:80", "write 127.0.0.1"),
        ("${A:-300.0.0.1}:80", "not an IPv4"),
        ("${P:-9000:80}", "holds one part"),
        ("${P?a/b}:80/icmp", "not a protocol"),
        ("${P", "not closed"),
        ("${P:-x}", "between 1 and 65535"),
    ],
)
def test_a_published_port_that_is_none_says_why(text: str, reason: str | None) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_published_port(text)


@pytest.mark.parametrize(
    ("published", "ports"),
    [
        ("80", [80]),
        ("80-82", [80, 81, 82]),
        ("${P:-3000}", [3000]),
        ("${P:-3000-3001}", [3000, 3001]),
        ("${P}", []),
        ("${P:?set it}", []),
        ("3${P:-0}", [30]),
    ],
)
def test_the_ports_on_the_host_count_the_defaults_of_variables(
    published: str, ports: list[int]
) -> None:
    assert list(Port(published=published).host_ports) == ports


@pytest.mark.parametrize(
    ("address", "loopback", "host"),
    [
        ("127.0.0.1", True, "127.0.0.1"),
        ("127.1.2.3", True, "127.1.2.3"),
        ("::1", True, "[::1]"),
        ("0.0.0.0", False, "0.0.0.0"),
        ("::", False, "[::]"),
        ("192.168.0.1", False, "192.168.0.1"),
    ],
)
def test_an_address_says_who_can_reach_it(
    address: str, loopback: bool, host: str
) -> None:
    port = Port(address=address, published="1")

    assert (port.is_loopback, port.host) == (loopback, host)


def test_the_first_target_of_a_range_is_its_begin() -> None:
    assert Port(published="1", target="80-82").first_target == 80
    assert Port(published="1").first_target is None
