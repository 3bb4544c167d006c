"""A small program with each client, built from nothing: its size, its crates, and what its build takes.

All alike: `cargo build` for release with its own defaults, symbols stripped, TLS by rustls on ring, certificates judged
by the platform. The build's time is the processor's, which a machine that does other things as well lengthens least.
"""

import json
import resource
import shutil

from .programs import (BARE_HYPER, BARE_HYPER_H1, BARE_UREQ, DINGDING, HERE, OURS_ASYNC, OURS_BLOCKING, REQWEST, SDK, SDK_BLOCKING,
                       TARGET, Client, cargo, environment)
from .text import table

# Feature of the small program, client, reference.
PROGRAMS = (
    ("hello-bare-hyper-h2", BARE_HYPER, BARE_HYPER),
    ("hello-bare-hyper", BARE_HYPER_H1, BARE_HYPER),
    ("hello-ours-async", OURS_ASYNC, BARE_HYPER),
    ("hello-reqwest", REQWEST, BARE_HYPER),
    ("hello-dingtalk-sdk", SDK, BARE_HYPER),
    ("hello-dingding", DINGDING, BARE_HYPER),
    ("hello-bare-ureq", BARE_UREQ, BARE_UREQ),
    ("hello-ours-blocking", OURS_BLOCKING, BARE_UREQ),
    ("hello-dingtalk-sdk-blocking", SDK_BLOCKING, BARE_UREQ),
)


def measure() -> list:
    rows = []
    for feature, client, reference in PROGRAMS:
        folder = TARGET / "hello" / feature
        shutil.rmtree(folder, ignore_errors=True)
        before = processor()
        name = feature.removesuffix("-h2")
        said = cargo(client, "build", "--quiet", "--profile", "hello", "--no-default-features", "--features", feature,
                     "--bin", name, "--message-format", "json-render-diagnostics",
                     env=environment() | {"CARGO_TARGET_DIR": str(folder)})
        seconds = processor() - before
        messages = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
        built = {message["package_id"] for message in messages if message["reason"] == "compiler-artifact"}
        crates = sum(1 for package in built if "dingtalk-bench" not in package and HERE.name + "#" not in package)
        size = (folder / "hello" / name).stat().st_size
        rows.append([reference.title, client.title, size, crates, seconds])
        print(f"  {client.title}: {size:,} bytes, {crates} crates, {seconds:.0f} s", flush=True)
    return rows


def processor() -> float:
    """Seconds of processor time that children took."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def tables(rows: list) -> str:
    base = {title: row for _, title, *row in rows}
    cells = []
    for reference, title, size, crates, seconds in rows:
        one, _, long = base[reference]
        cells.append([title, f"{size / 1e6:.2f} MB", f"{size / one:.2f} × {reference}", crates,
                      f"{seconds:.0f} s", f"{seconds / long:.2f} × {reference}"])
    return "\n".join(table(["client", "program", "ratio", "crates", "clean build, processor time", "ratio"], cells))
