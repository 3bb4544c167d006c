#!/usr/bin/env python3
"""The benchmarks, in one command: `python3 tests/bench/run.py`. It writes `tests/bench/RESULTS.md`.

It builds every client alone, starts the server, installs the official SDKs of Python and Node, and takes about half an
hour on two cores. It needs Rust, Python 3, valgrind and npm. Name tables to measure only these again (`instructions`,
`rates`, `herd`, `sizes`, `growth`, `scale`); the others are kept from the run before. `--rounds N` is how many
pairs a comparison has.
"""

import argparse
import platform
import subprocess
import sys
from datetime import date
from os import cpu_count, getloadavg
from pathlib import Path

HERE = Path(__file__).parent
sys.dont_write_bytecode = True
sys.path[:0] = [str(HERE), str(HERE.parent)]

from measure import growth, herd, instructions, rates, scale, sizes  # noqa: E402
from measure.report import document  # noqa: E402

TABLES = {
    "instructions": lambda rounds: instructions.measure(),
    "rates": rates.measure,
    "herd": lambda rounds: herd.measure(),
    "sizes": lambda rounds: sizes.measure(),
    "growth": growth.measure,
    "scale": scale.measure,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", choices=[*TABLES, []], metavar="TABLE")
    parser.add_argument("--rounds", type=int, default=21, help="pairs of a comparison (default: 21)")
    arguments = parser.parse_args()

    page, results = HERE / "RESULTS.md", {"machine": machine()}
    for name in arguments.tables or TABLES:
        print(f"{name} …", flush=True)
        found = TABLES[name](arguments.rounds)
        results[name] = {"date": date.today().isoformat(), "rounds": arguments.rounds, "found": found,
                         "load": round(getloadavg()[0], 1), "commit": commit()}
        page.write_text(document(results, page.read_text()))


def commit() -> str:
    said = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=HERE, capture_output=True, text=True).stdout
    return said.strip() or "unknown"


def machine() -> dict[str, str]:
    """What the numbers depend on, and nothing that names the machine."""
    cpus = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":")[1].strip() for line in cpus if line.startswith("model name")), platform.machine())
    memory = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    first = lambda *command: subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\n")[0]
    return {
        "processor": f"{model}, {cpu_count()} cores" + (", virtual" if any("hypervisor" in line for line in cpus) else ""),
        "memory": f"{int(memory.split()[1]) / 1024 / 1024:.0f} GB",
        "system": f"{platform.system()} {platform.release().split('-')[0]}, {platform.machine()}",
        "tools": ", ".join([first("rustc", "--version").split(" (")[0], first("valgrind", "--version"),
                            f"Python {platform.python_version()}", f"Node {first('node', '--version')}"]),
    }


if __name__ == "__main__":
    main()
