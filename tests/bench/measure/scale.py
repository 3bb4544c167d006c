"""The official SDKs of two other languages, for scale. They are installed from their registries."""

import shutil
import subprocess
from functools import partial
from pathlib import Path

from .pairs import compare
from .programs import HERE, OURS_ASYNC, ROOT, TARGET, Driven, drive, environment, server
from .text import added, range_of, table

IN_FLIGHT = (1, 32)
MILLISECONDS = 800


def measure(rounds: int) -> list:
    rows = []
    with server() as origin:
        ours = drive(OURS_ASYNC, origin)
        for title, command in clients(origin):
            for in_flight in IN_FLIGHT:
                result = compare(ours, partial(Driven, command), in_flight, rounds, MILLISECONDS)
                rows.append([title, in_flight, result])
                print(f"  {title}, {in_flight} in flight: {range_of(result['ratio'])}", flush=True)
    return rows


def clients(origin: str) -> list[tuple[str, list[str]]]:
    python, node = install_python(), install_node()
    script = str(HERE / "scale" / "python_client.py")
    return [
        ("Python, `alibabacloud-dingtalk` 2.2.65, threads", [python, "-B", script, "sync", origin]),
        ("Python, `alibabacloud-dingtalk` 2.2.65, asyncio", [python, "-B", script, "async", origin]),
        ("Node, `@alicloud/dingtalk` 2.2.27", ["node", str(HERE / "scale" / "node_client.js"), node, origin]),
    ]


def install_python() -> str:
    """Into the folder that `tests/run` uses as well."""
    wanted = ROOT / "tests" / "official" / "requirements.txt"
    checksum = subprocess.run(["cksum"], stdin=wanted.open(), check=True, capture_output=True, text=True).stdout
    folder = ROOT / "target" / "official" / checksum.split()[0]
    if not (folder / "complete").exists():
        run("python3", "-m", "venv", folder)
        run(folder / "bin" / "pip", "install", "--quiet", "--requirement", wanted)
        (folder / "complete").touch()
    return str(folder / "bin" / "python")


def install_node() -> str:
    folder = TARGET / "npm"
    wanted = HERE / "scale" / "package.json"
    if not (folder / "node_modules").exists() or (folder / "package.json").read_text() != wanted.read_text():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        shutil.copy(wanted, folder)
        run("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent", cwd=folder)
    return str(folder / "node_modules")


def run(*command: str | Path, **more):
    subprocess.run([str(part) for part in command], check=True, env=environment(), **more)


def tables(rows: list) -> str:
    return "\n".join(table(
        [f"against {OURS_ASYNC.title}", "in flight", "calls a second", "p50 added", "p99 added"],
        [[title, in_flight, range_of(result["ratio"], " ×"), added(result["p50"]), added(result["p99"])]
         for title, in_flight, result in rows]))
