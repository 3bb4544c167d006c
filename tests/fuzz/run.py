#!/usr/bin/env python3
"""Runs every fuzz target for a while, as many at once as there are cores: `tests/fuzz/run.py [SECONDS] [TARGET ...]`,
or builds them only: `tests/fuzz/run.py build`.

Needs cargo-fuzz (`cargo install cargo-fuzz`) and a C++ compiler; the stable toolchain will do. What is found on the way
is kept outside the repository (`tests/fuzz/target/found`); an input that breaks a property is shown with the way to
replay it, and then belongs into `tests/fuzz/corpus`, where `cargo test` replays it for ever.
"""

import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

FUZZ = pathlib.Path(__file__).resolve().parent
# libFuzzer and the sanitizer need two switches that the stable compiler hides behind this.
ENVIRONMENT = os.environ | {"RUSTC_BOOTSTRAP": "1", "RUST_BACKTRACE": "0"}


def targets() -> list[str]:
    return sorted(path.stem for path in (FUZZ / "targets").glob("*.rs"))


def cargo(*arguments: str) -> list[str]:
    return ["cargo", "fuzz", arguments[0], "--fuzz-dir", str(FUZZ), *arguments[1:]]


def run(target: str, seconds: int) -> tuple[str, int, str]:
    found = FUZZ / "target" / "found" / target
    found.mkdir(parents=True, exist_ok=True)
    command = cargo("run", target, str(found), str(FUZZ / "corpus" / target), "--")
    options = [f"-max_total_time={seconds}", "-max_len=4096", "-timeout=20", "-rss_limit_mb=4096", "-print_final_stats=1"]
    done = subprocess.run(command + options, capture_output=True, text=True, errors="replace", env=ENVIRONMENT)
    return target, done.returncode, done.stderr


def main() -> int:
    subprocess.run(cargo("build"), check=True, env=ENVIRONMENT)
    if sys.argv[1:] == ["build"]:
        return 0
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    chosen = sys.argv[2:] or targets()
    broken = 0
    print(f"{len(chosen)} targets, {seconds} s each")
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for target, code, said in pool.map(lambda target: run(target, seconds), chosen):
            runs = re.search(r"stat::number_of_executed_units:\s*(\d+)", said)
            print(f"{'ok    ' if code == 0 else 'BROKEN'} {target}: {runs[1] if runs else 'no'} runs", flush=True)
            if code:
                broken += 1
                print(said[-4000:], flush=True)
    return int(broken > 0)


if __name__ == "__main__":
    sys.exit(main())
