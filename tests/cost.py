#!/usr/bin/env python3
"""Instructions and allocations of a warm call, ours against bare ureq and bare hyper-util, and
ours that could be watched (feature `tracing`) while nobody does against ours that cannot.

`tests/cost.py` prints two tables; `--check` fails where a call costs more than the other one. It builds
the `cost` program, runs its server, and counts under valgrind what 600 calls cost more than 100. Counts are
repeatable for one binary; the wall clock plays no part. `tests/bench/run.py` measures more, against more.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

FEW, MANY = 100, 600
MOST_RATIO = 1.00
MOST_WATCHABLE = 1.01
PAIRS = (("blocking", "ours-blocking", "bare-ureq"), ("async", "ours-async", "bare-hyper"))


def build(keep: Path, *features: str) -> str:
    """Builds with these features; the program is copied to where the next build leaves it alone."""
    command = ["cargo", "build", "--release", "--locked", "-p", "dingtalk-cost",
               "--message-format", "json-render-diagnostics", *features]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    paths = re.findall(r'"executable":"([^"]*/cost)"', output)
    return shutil.copy(paths[-1], keep)


def per_call(command: list[str], few: int = FEW, many: int = MANY, allocations: bool = True) -> tuple[float, float]:
    """Instructions and allocations of a call; the command takes the number of calls as its last argument."""
    counted = [count(command, calls, allocations) for calls in (few, many)]
    return tuple((more - less) / (many - few) for less, more in zip(*counted))


def count(command: list[str], calls: int, allocations: bool) -> tuple[int, int]:
    """Instructions and allocations of so many calls."""
    command = [*command, str(calls)]
    said = valgrind("--tool=callgrind", "--callgrind-out-file=/dev/null", *command)
    instructions = int(re.search(r"Collected : (\d+)", said)[1])
    if not allocations:
        return instructions, 0
    said = valgrind("--tool=memcheck", "--leak-check=no", "--undef-value-errors=no", *command)
    return instructions, int(re.search(r"total heap usage: ([\d,]+) allocs", said)[1].replace(",", ""))


def valgrind(*arguments: str) -> str:
    return subprocess.run(["valgrind", *arguments], check=True, capture_output=True, text=True).stderr


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        watchable = build(Path(folder, "watchable"), "--features", "tracing")
        return measure(build(Path(folder, "plain")), watchable, "--check" in sys.argv[1:])


def measure(program: str, watchable: str, check: bool) -> int:
    server = subprocess.Popen([program, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        origin = server.stdout.readline().strip()
        failed = False
        print(f"{'client':<10}{'ours':>12}{'bare':>12}{'ratio':>8}{'allocs':>9}{'bare':>7}")
        for name, own, bare in PAIRS:
            (ours, our_allocations) = per_call([program, "call", own, origin])
            (theirs, their_allocations) = per_call([program, "call", bare, origin])
            ratio = ours / theirs
            print(f"{name:<10}{ours:>12.0f}{theirs:>12.0f}{ratio:>8.3f}"
                  f"{our_allocations:>9.1f}{their_allocations:>7.1f}")
            failed |= ratio > MOST_RATIO or our_allocations > their_allocations
        print(f"bounds: {MOST_RATIO:.2f} times the instructions, no allocation more")
        print(f"\n{'client':<10}{'watchable':>12}{'plain':>12}{'ratio':>8}{'allocs':>9}{'plain':>7}")
        for name, own, _ in PAIRS:
            (ours, our_allocations) = per_call([watchable, "call", own, origin])
            (plain, plain_allocations) = per_call([program, "call", own, origin])
            ratio = ours / plain
            print(f"{name:<10}{ours:>12.0f}{plain:>12.0f}{ratio:>8.3f}"
                  f"{our_allocations:>9.1f}{plain_allocations:>7.1f}")
            failed |= ratio > MOST_WATCHABLE or our_allocations > plain_allocations + 0.5
        print(f"bounds: {MOST_WATCHABLE} times the instructions, no allocation more")
        return int(check and failed)
    finally:
        server.stdin.close()
        server.wait(timeout=10)


if __name__ == "__main__":
    sys.exit(main())
