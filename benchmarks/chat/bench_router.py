"""The router beside a direct call of its provider, and beside the litellm proxy.

Both sides of a comparison take turns in one run, so that a busy machine hits both.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from load import (
    connect,
    describe,
    free_port,
    make_request,
    make_table,
    measure_memory,
    measure_rate,
    percentile,
    run,
    serving,
)

LITELLM = "litellm[proxy]==1.106.0"
# Neither side asks who is calling, or the comparison would not be fair.
NO_LOGIN = {"LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true"}
MOCK = str(Path(__file__).parent / "mock_provider.py")
ROUTER = [sys.executable, "-m", "router"]


async def compare_with_direct(rounds: int, calls: int) -> str:
    """What the router adds to one call after another, on one connection."""
    provider, router = free_port(), free_port()
    address = f"http://127.0.0.1:{provider}/v1"
    results: dict[tuple[str, bool], list[tuple[float, float, float]]] = {}
    with (
        serving([sys.executable, MOCK, str(provider)], provider),
        serving(ROUTER, router, env={"LLM_BASE_URL": address}),
    ):
        for _ in range(rounds):
            for stream in (False, True):
                for name, port in (("direct", provider), ("router", router)):
                    connection = await connect(port)
                    request = make_request(stream=stream)
                    for _ in range(50):
                        await connection.ask(request)
                    times = [await connection.ask(request) for _ in range(calls)]
                    connection.close()
                    totals = [1000 * total for _, total in times]
                    firsts = [1000 * first for first, _ in times]
                    results.setdefault((name, stream), []).append(
                        (
                            statistics.median(totals),
                            percentile(totals, 99),
                            statistics.median(firsts),
                        )
                    )
    rows = []
    for title, stream, column, most in (
        ("whole reply, median", False, 0, 2),
        ("whole reply, p99", False, 1, 10),
        ("streamed, first token, median", True, 2, 5),
        ("streamed, whole reply, median", True, 0, None),
    ):
        direct = [values[column] for values in results["direct", stream]]
        routed = [values[column] for values in results["router", stream]]
        added = [b - a for a, b in zip(direct, routed, strict=True)]
        wanted = f"at most {most} ms" if most else "-"
        rows.append(
            [
                title,
                describe(direct, " ms"),
                describe(routed, " ms"),
                describe(added, " ms"),
                wanted,
            ]
        )
    return make_table(["one connection", "direct", "router", "added", "wanted"], rows)


def install_litellm(folder: Path) -> Path:
    """Install the litellm proxy in a virtual environment of its own; its program."""
    program = folder / "bin" / "litellm"
    if not program.exists():
        print(f"installing {LITELLM} in {folder}", file=sys.stderr)
        venv.create(folder, with_pip=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", LITELLM]
        subprocess.run(pip, check=True)
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


async def compare_with_litellm(
    rounds: int, seconds: float, starts: int, folder: Path
) -> str:
    """Both proxies at 32 connections, with a provider and without."""
    litellm = install_litellm(folder)
    provider = free_port()
    config = str(_write_config(folder, provider))
    ready: dict[str, list[float]] = {"router": [], "litellm": []}

    def start_litellm(stack: ExitStack) -> tuple[int, int]:
        port = free_port()
        command = [str(litellm), "--config", config, "--port", str(port)]
        server = serving(command, port, health="/health/liveliness", env=NO_LOGIN)
        pid, seconds = stack.enter_context(server)
        ready["litellm"].append(seconds)
        return port, pid

    def start_router(stack: ExitStack, **env: str) -> tuple[int, int]:
        port = free_port()
        pid, seconds = stack.enter_context(serving(ROUTER, port, env=env))
        ready["router"].append(seconds)
        return port, pid

    for _ in range(starts):
        for start in (start_router, start_litellm):
            with ExitStack() as stack:
                start(stack)
    with ExitStack() as stack:
        mock = [sys.executable, MOCK, str(provider)]
        stack.enter_context(serving(mock, provider))
        offline, _ = start_router(stack)
        address = f"http://127.0.0.1:{provider}/v1"
        online, router_pid = start_router(stack, LLM_BASE_URL=address)
        proxy, proxy_pid = start_litellm(stack)
        sides = {
            "canned": (offline, proxy, 20),
            "upstream": (online, proxy, 4),
        }
        rows = []
        for name, (router, other, wanted) in sides.items():
            rates: dict[int, list[float]] = {router: [], other: []}
            for number in range(rounds + 1):
                for port in (router, other):
                    request = make_request(model=name)
                    rate, _ = await measure_rate(port, seconds, _always(request))
                    if number:  # the first round is to warm up
                        rates[port].append(rate)
            ratio = [a / b for a, b in zip(rates[router], rates[other], strict=True)]
            title = {"canned": "no provider behind", "upstream": "mock provider behind"}
            rows.append(
                [
                    f"requests/s, {title[name]}",
                    describe(rates[router], digits=0),
                    describe(rates[other], digits=0),
                    describe(ratio, " x", 1),
                    f"at least {wanted} x",
                ]
            )
        memory = (measure_memory(router_pid), measure_memory(proxy_pid))
    ratio = [a / b for a, b in zip(ready["router"], ready["litellm"], strict=False)]
    rows.append(
        [
            "seconds until ready",
            describe(ready["router"], " s"),
            describe(ready["litellm"], " s"),
            describe(ratio, " x"),
            "at most 0.1 x",
        ]
    )
    rows.append(
        [
            "memory after the load",
            f"{memory[0]:.0f} MiB",
            f"{memory[1]:.0f} MiB",
            f"{memory[0] / memory[1]:.2f} x",
            "at most 0.2 x",
        ]
    )
    return make_table(["32 connections", "router", "litellm", "ratio", "wanted"], rows)


def _always(request: bytes) -> Callable[[int, int], bytes]:
    return lambda *_: request


def main() -> None:
    """Print both tables; a peer that cannot be installed is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument(
        "--litellm", type=Path, help="a folder to keep litellm's environment in"
    )
    options = parser.parse_args()
    rounds, calls, seconds, starts = (
        (3, 300, 1, 1) if options.quick else (7, 1000, 4, 5)
    )
    print("### Beside a direct call\n")
    print(run(compare_with_direct(rounds, calls)), flush=True)
    print("\n### Beside the litellm proxy\n")
    with tempfile.TemporaryDirectory(prefix="bench-litellm-") as made:
        folder = options.litellm or Path(made)
        folder.mkdir(exist_ok=True)
        try:
            print(
                run(compare_with_litellm(rounds, seconds, starts, folder)), flush=True
            )
        except (subprocess.CalledProcessError, RuntimeError) as error:
            print(f"NOT MEASURED: {LITELLM} could not be installed or run: {error}")
            sys.exit(1)


if __name__ == "__main__":
    main()
