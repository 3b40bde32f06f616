"""The router beside a direct call of its provider, and beside the litellm proxy.

Both sides of a comparison take turns in one run, so that a busy machine hits both.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import venv
from contextlib import ExitStack
from pathlib import Path

from load import (
    connect,
    free_port,
    make_request,
    measure_memory,
    measure_rate,
    percentile,
    run,
    serving,
)

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.table import (  # noqa: E402
    Limit,
    Row,
    describe,
    divide,
    name_peer,
    report,
)

LITELLM = "litellm[proxy]==1.106.0"
PEER = LITELLM.replace("[proxy]==", " ")
# Neither side asks who is calling, or the comparison would not be fair.
NO_LOGIN = {"LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true"}
MOCK = str(Path(__file__).parent / "mock_provider.py")
ROUTER = [sys.executable, "-m", "router"]


async def compare_with_direct(rounds: int, calls: int) -> list[Row]:
    """What the router adds to one call after another, on one connection."""
    provider, router = free_port(), free_port()
    address = f"http://127.0.0.1:{provider}/v1"
    results: dict[tuple[int, bool], list[list[float]]] = {}
    with (
        serving([sys.executable, MOCK, str(provider)], provider),
        serving(ROUTER, router, env={"LLM_BASE_URL": address}),
    ):
        for _ in range(rounds):
            for stream in (False, True):
                for port in (provider, router):
                    figures = await _time_calls(port, calls, stream=stream)
                    results.setdefault((port, stream), []).append(figures)
    rows = []
    for title, stream, column, limit in (
        ("whole reply, median", False, 0, 2),
        ("whole reply, p99", False, 1, 10),
        ("streamed, first token, median", True, 2, 5),
        ("streamed, whole reply, median", True, 0, None),
    ):
        direct = [figures[column] for figures in results[provider, stream]]
        routed = [figures[column] for figures in results[router, stream]]
        added = [b - a for a, b in zip(direct, routed, strict=True)]
        wanted = Limit(value=limit, unit=" ms").judge(added) if limit else {}
        rows.append(
            Row(
                figure=f"{title}: what the router adds",
                ours=describe(added, " ms"),
                beside=name_peer("a direct call", direct, " ms"),
                times=f"{rounds} rounds of {calls:,}",
                **wanted,
            )
        )
    return rows


async def _time_calls(port: int, calls: int, *, stream: bool) -> list[float]:
    """Milliseconds: median and p99 of the whole, median until the first token."""
    connection = await connect(port)
    request = make_request(stream=stream)
    for _ in range(50):
        await connection.ask(request)
    times = [await connection.ask(request) for _ in range(calls)]
    connection.close()
    firsts = [1000 * first for first, _ in times]
    totals = [1000 * total for _, total in times]
    return [
        statistics.median(totals),
        percentile(totals, 99),
        statistics.median(firsts),
    ]


def install_litellm(folder: Path) -> Path:
    """Install the litellm proxy in a virtual environment of its own; its program."""
    program = folder / "bin" / "litellm"
    if not program.exists():
        venv.create(folder, with_pip=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", LITELLM]
        done = subprocess.run(pip, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            last = done.stderr.strip().splitlines()[-1:] or ["pip gave no reason"]
            raise RuntimeError(last[0])
    return program


def _write_config(folder: Path, provider: int) -> Path:
    upstream = {
        "model": "openai/mock",
        "api_base": f"http://127.0.0.1:{provider}/v1",
        "api_key": "x",
    }
    canned = {**upstream, "mock_response": "The moon is 384,400 km away."}
    models = [
        {"model_name": "upstream", "litellm_params": upstream},
        {"model_name": "canned", "litellm_params": canned},
    ]
    path = folder / "litellm.yaml"
    # JSON is YAML.
    path.write_text(json.dumps({"model_list": models}))
    return path


class Proxies:
    """Starts routers and litellm proxies, and remembers how long each took."""

    def __init__(self, litellm: Path, config: Path) -> None:
        self._litellm = [str(litellm), "--config", str(config), "--port"]
        self.ready: dict[str, list[float]] = {"router": [], "litellm": []}

    def start_router(self, stack: ExitStack, url: str = "") -> tuple[int, int]:
        port = free_port()
        server = serving(ROUTER, port, env={"LLM_BASE_URL": url})
        pid, seconds = stack.enter_context(server)
        self.ready["router"].append(seconds)
        return port, pid

    def start_litellm(self, stack: ExitStack) -> tuple[int, int]:
        port = free_port()
        command = [*self._litellm, str(port)]
        server = serving(command, port, health="/health/liveliness", env=NO_LOGIN)
        pid, seconds = stack.enter_context(server)
        self.ready["litellm"].append(seconds)
        return port, pid


async def compare_with_litellm(
    rounds: int, seconds: float, starts: int, folder: Path
) -> list[Row]:
    """Both proxies at 32 connections, with a provider and without."""
    litellm, provider = install_litellm(folder), free_port()
    proxies = Proxies(litellm, _write_config(folder, provider))
    for _ in range(starts):
        for start in (proxies.start_router, proxies.start_litellm):
            with ExitStack() as stack:
                start(stack)
    with ExitStack() as stack:
        mock = [sys.executable, MOCK, str(provider)]
        stack.enter_context(serving(mock, provider))
        address = f"http://127.0.0.1:{provider}/v1"
        offline, _ = proxies.start_router(stack)
        online, router_pid = proxies.start_router(stack, address)
        proxy, proxy_pid = proxies.start_litellm(stack)
        load = (rounds, seconds)
        rows = [
            await _compare_rates("no", "canned", (offline, proxy), load, 20),
            await _compare_rates("mock", "upstream", (online, proxy), load, 4),
        ]
        memory = (measure_memory(router_pid), measure_memory(proxy_pid))
    ready, theirs = proxies.ready["router"][:starts], proxies.ready["litellm"][:starts]
    ratio = divide(ready, theirs)
    share = memory[0] / memory[1]
    return [
        *rows,
        Row(
            figure="until ready",
            ours=describe(ready, " s"),
            beside=name_peer(PEER, theirs, " s"),
            ratio=describe(ratio),
            times=f"{starts} starts",
            **Limit(value=0.1).judge(ratio),
        ),
        Row(
            figure="memory after the load",
            ours=f"{memory[0]:.0f} MiB",
            beside=f"{PEER}: {memory[1]:.0f} MiB",
            ratio=f"{share:.2f}",
            times="once",
            **Limit(value=0.2).judge([share]),
        ),
    ]


async def _compare_rates(
    behind: str,
    model: str,
    ports: tuple[int, int],
    load: tuple[int, float],
    wanted: int,
) -> Row:
    """A row: requests a second of both, in turns; the first round is to warm up."""
    rounds, seconds = load
    request = make_request(model=model)
    rates: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds + 1):
        for into, port in zip(rates, ports, strict=True):
            rate, _ = await measure_rate(port, seconds, lambda *_: request)
            if number:
                into.append(rate)
    ratio = divide(*rates)
    return Row(
        figure=f"requests/s, {behind} provider behind, 32 connections",
        ours=describe(rates[0], digits=0),
        beside=name_peer(PEER, rates[1], "", 0),
        ratio=describe(ratio, digits=1),
        times=f"{rounds} rounds of {seconds:g} s",
        **Limit(value=wanted, is_floor=True).judge(ratio),
    )


def main() -> None:
    """Hand over both groups; a peer that cannot be installed is named."""
    rounds, calls, seconds, starts = (
        (2, 300, 1, 1) if "--quick" in sys.argv else (7, 1000, 4, 5)
    )
    direct = run(compare_with_direct(rounds, calls))
    report("The chat router: beside a direct call", direct)
    with tempfile.TemporaryDirectory(prefix="bench-litellm-") as made:
        try:
            rows = run(compare_with_litellm(rounds, seconds, starts, Path(made)))
        except (OSError, RuntimeError) as error:
            rows = [Row(figure=f"{PEER}: not here", ours="", beside=str(error))]
    report("The chat router: beside the litellm proxy", rows)


if __name__ == "__main__":
    main()
