"""Values that have broken YAML files before, and strategies that make more of them."""

from hypothesis import strategies as st

# Each is read as something else, or breaks a line, by some reader when written plain.
VALUES = [
    "", " ", "  two  ", "~", "null", "Null", "NULL", "true", "True", "yes", "Yes", "no",
    "on", "off", "y", "n", "Y", "N", "012", "0o17", "0x1F", "0b11", "1e3", "1E3", "1e10",
    "+1e3", "5e-3", ".5", "-.5", "1.", "1.10", "1_000", "0123456789", "089", "+1", "-0",
    "22:22", "1:30", "190:20:30", "2024-01-01", "2001-12-14t21:59:43.10-05:00", ".inf",
    "-.inf", "+.INF", ".nan", ".NaN", "Infinity", "NaN", "<<", "=", "-", "- a", "--", "---",
    "--- a", "...", "? a", "?", ":", ": a", "a: b", "a:b", "a :b", "a:", "#", "# a", "a # b",
    "a#b", "&a", "*a", "!a", "!!str a", "%a", "%YAML 1.2", "@a", "`a`", "|", "|-", ">",
    ">+", "{", "}", "[", "]", "{a: b}", "[a, b]", ",", "a, b", "'", "''", '"', '""',
    "it's", 'say "hi"', "a'b\"c", "\\", "\\n", "a\\", "\\x41", "\n", "a\nb", "a\n", "\na",
    "a\n\nb\n", "a\r\nb", "\r", "a\tb", "\t", "\ta", "a\t", "{{ x }}", "{% raw %}", "{# x #}",
    "{{", "}}", "%}", "$$", "$$$$", "a$$b", "$$(id)", "$$5", "${HOME}", "${A:-b}", "$A",
    "${A:?it is missing}", "${A:+x}", "${A:-${B:-c}}", "é", "日本語", "🦆", "👩‍👩‍👧", "e\u0301",
    "\u00a0", "\u2028", "\u2029", "\x85", "\u200b", "\u202etxt.exe", "\ufeffa", "\ufffd",
    "\u061c", "a" * 10_240, "é" * 10_240, "x " * 5_000, "-Xms512m -Xmx512m", "/run/secrets/a",
    "./a", "../a", ".", "..", "~/a", "C:\\x", "host.docker.internal:host-gateway", "a=b",
    "=a", "a==b", "!", "%", "^", "&&", "||", ";", "> /dev/null", "<a>", "\u2764\ufe0f", "0",
    "00", "-1", "1", "1.0", "100000000000000000000", "0.1e1", "1__0", "_1", "0_", "0.", "e1",
    ".e1", "1e", "12e03", "-2E+05", "+.5", "._", "0xG", "09:30", "24:00", "2024-1-1",
    "2024-01-01 10:00:00", "tRue", "NO", "ON", "*", "**", "&", "- - a", "-\ta", "key: [a",
]  # fmt: skip

CONTROLS = [
    *(chr(code) for code in range(0x20) if chr(code) not in "\t\n\r"),
    "\x7f",
    "\x84",
]

_CHARACTERS = st.one_of(
    st.sampled_from(":-#{}[],&*!|>'\"%@`?~=<$ \n\t\r\\/.0123456789eExX_+nyNYtfTF"),
    st.characters(exclude_categories=("Cc", "Cs")),
)


def _double(text: str) -> str:
    """A plain dollar is written twice."""
    return text.replace("$", "$$")


texts = st.one_of(
    st.sampled_from(VALUES), st.text(_CHARACTERS, max_size=40).map(_double)
)
lines = texts.filter(
    lambda text: (
        not set(text) & set("\n\r\x85\u2028\u2029")
        and text.lower() not in {"true", "false", "yes", "no"}
    )
)
keys = texts.filter(lambda text: 0 < len(text) < 300)
words = st.text(
    st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"), exclude_characters=":$"),
    min_size=1,
    max_size=30,
)
env_names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,20}", fullmatch=True)
service_names = st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True).filter(
    lambda name: name not in {"default", "host", "none"}
)
