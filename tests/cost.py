#!/usr/bin/env python3
"""Instructions and allocations of a warm call, ours against bare ureq and bare hyper-util, and
ours that could be watched (feature `tracing`) while nobody does against ours that cannot; and of a
pushed event that is received, against the same by hand and against one that is refused.

`tests/cost.py` prints three tables; `--check` fails where a call costs more than the other one. It builds
the `cost` program, runs its server, and counts under valgrind what 600 calls cost more than 100. Counts are
repeatable for one binary; the wall clock plays no part. `tests/bench/run.py` measures more, against more.
"""

import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

FEW, MANY = 100, 600
MOST_RATIO = 1.00
MOST_WATCHABLE = 1.01
MOST_RECEIVED, MOST_REFUSED = 1.5, 0.4
PAIRS = (("blocking", "ours-blocking", "bare-ureq"), ("async", "ours-async", "bare-hyper"))
WAYS = ("received", "by-hand", "refused")


def build(keep: Path, *features: str) -> str:
    """Builds with these features; the program is copied to where the next build leaves it alone."""
    command = ["cargo", "build", "--profile", "cost", "--locked", "-p", "dingtalk-cost",
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
        # Each takes one core for its counting, which others beside it do not change.
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            counted = {(built, client): pool.submit(per_call, [built, "call", client, origin])
                       for built, client in wanted(program, watchable)}
            events = {way: pool.submit(per_call, [program, "event", way], allocations=False) for way in WAYS}
        costs = {which: cost.result() for which, cost in counted.items()}
        received, by_hand, refused = (events[way].result()[0] for way in WAYS)
    finally:
        server.stdin.close()
        server.wait(timeout=10)
    against_bare = [(name, costs[program, own], costs[program, bare]) for name, own, bare in PAIRS]
    failed = compare(("ours", "bare"), against_bare, MOST_RATIO, 0)
    print()
    against_plain = [(name, costs[watchable, own], costs[program, own]) for name, own, _ in PAIRS]
    failed |= compare(("watchable", "plain"), against_plain, MOST_WATCHABLE, 0.5)
    print()
    print(f"{'event':<10}{'received':>12}{'by hand':>12}{'ratio':>8}{'refused':>12}{'ratio':>8}")
    print(f"{'':<10}{received:>12.0f}{by_hand:>12.0f}{received / by_hand:>8.3f}{refused:>12.0f}{refused / received:>8.3f}")
    print(f"bounds: {MOST_RECEIVED:.2f} times by hand, {MOST_REFUSED:.2f} times for one with a bad signature")
    failed |= received / by_hand > MOST_RECEIVED or refused / received > MOST_REFUSED
    return int(check and failed)


def wanted(program: str, watchable: str) -> list[tuple[str, str]]:
    return [which for _, own, bare in PAIRS for which in ((program, own), (program, bare), (watchable, own))]


def compare(titles: tuple[str, str], rows: list, most: float, more: float) -> bool:
    """Prints a table of one against the other; whether a row is over its bounds."""
    one, other = titles
    print(f"{'client':<10}{one:>12}{other:>12}{'ratio':>8}{'allocs':>9}{other:>7}")
    over = False
    for name, (ours, our_allocations), (theirs, their_allocations) in rows:
        print(f"{name:<10}{ours:>12.0f}{theirs:>12.0f}{ours / theirs:>8.3f}"
              f"{our_allocations:>9.1f}{their_allocations:>7.1f}")
        over |= ours / theirs > most or our_allocations > their_allocations + more
    print(f"bounds: {most:.2f} times the instructions, no allocation more")
    return over


if __name__ == "__main__":
    sys.exit(main())
