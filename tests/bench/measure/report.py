"""RESULTS.md: every table, what it says and what it does not."""

import re

from . import growth, herd, instructions, rates, scale, sizes

HEAD = """# What it costs

<!-- Written by `python3 tests/bench/run.py`; changes by hand are lost. -->

Every number is a ratio or a difference between two programs that were measured in one run, on one machine, against one
server. `python3 tests/bench/run.py` makes this page anew; it needs Rust, Python 3, valgrind and npm, and about half an
hour. `tests/cost.py --check`, which `tests/run` calls, holds the first table's ratios to their bounds.

{machine}

How it is measured:

- **Clients.** Each is a program of its own, built alone with the newest versions that compile: our two, what an engineer
  would write by hand on hyper-util, ureq and reqwest for this one call, and the crates `dingtalk-sdk` and `dingding`. Those by
  hand have the token already and read the record into our struct; `dingding` has no such call, so its general one is
  taken. `dingtalk-sdk` 1.0.9 compiles with `reqx` up to 0.1.30 only.
- **The call.** `POST /topapi/v2/user/get`, a record of 1.2 KB, over plain HTTP/1.1 on loopback. All of them let their base
  address be set, so nobody needs a proxy or TLS in between. Async clients run on one thread, blocking ones on a thread for each call in flight.
- **The server.** Bare hyper on one thread in a process of its own, with canned answers.
- **Ratios.** Two clients take turns (A B, B A, …) for pairs of 0.3 s, of which the first fifth is not counted; a
  cell is the median of the pairs' ratios or differences, with the quartiles in brackets. Both are started anew every three
  pairs: where its memory happens to lie makes one process faster than the next by up to a tenth for as long as it lives, even
  the same program against itself. Clock speed and other guests of the machine cannot be controlled, so absolute numbers are
  given for scale only.
"""

SECTIONS = (
    ("instructions", "Instructions and allocations of a warm call", instructions.tables, """\
valgrind's counts for 600 calls less those for 100, divided by 500. They do not depend on what else the machine does."""),
    ("rates", "Calls a second, and time added", rates.tables, """\
With many calls in flight the client's thread is always busy, so that a call waits for the others: what is added to its time is the
ratio once more, times the calls in flight. The blocking client is ahead of ureq since it sends head and body of a request in one
piece, which wakes the server once, and looks once a call and not twice whether the connection is open.

The async client executes fewer instructions than the code by hand, and waits longer for the caches where many calls are in
flight: by valgrind's simulation of 32 KB of each (`--cache-sim=yes`, 256 in flight) a call misses 2,730 lines of code against 2,510,
and 870 of data against 700. The machine, with all that it can do, is that much more code to pass through. The code by hand speaks
HTTP/2 as well where the server offers it, as ours and reqwest do; a row shows what it is without. The same program against itself
comes out between 0.97 and 1.15 from start to start."""),
    ("herd", "A cold herd", herd.tables, """\
1,000 callers at once on a client that has no token; the server takes 100 ms for one. By hand there is no token to keep,
and the official SDKs of Python and Node keep none."""),
    ("sizes", "Size and build of a small program", sizes.tables, """\
It fetches a token and prints a person's name and departments. `cargo build` for release with its defaults, symbols stripped; TLS by
rustls on ring, certificates judged by the platform. Crates are those that the build compiled, procedural macros and build
scripts' included. Async programs speak HTTP/1.1 and HTTP/2 unless said.

What ours is larger by than by hand is code that the program by hand does not have: by the symbols of an unstripped build
(`nm --size-sort`, the blocking pair) 190 KB of core and the client, by which tokens are shared, renewed, recovered and stored,
110 KB that read JSON into the whole record of 33 fields, into stored records and into errors, and 60 KB of the standard library's
generics and drop glue for both, less 80 KB of ureq and rustls that ours does without. No single function of it is larger than 17 KB."""),
    ("growth", "How cost grows", growth.tables, """\
Credentials are organizations of one third-party app with a token each, looked up by name for every call, never the
same one twice in a row. Answers of many people are more than the platform gives."""),
    ("scale", "For scale: the official SDKs of other languages", scale.tables, """\
They have no calls of the old family; theirs is `GET /v1.0/contact/users/{unionId}`, whose answer is a quarter as long. Python and
Node run on one core by their nature, as our async client does here."""),
)


def document(results: dict, before: str) -> str:
    """The page; sections that were not measured are as they stood before."""
    machine = results["machine"]
    lines = "\n".join(f"- {name}: {value}" for name, value in machine.items())
    parts = [HEAD.format(machine=lines)]
    for name, title, tables, words in SECTIONS:
        if name in results:
            one = results[name]
            when = (f"Measured on {one['date']} at commit {one['commit']}, {one['rounds']} pairs a comparison where there are pairs; "
                    f"load average at its end {one['load']}.")
            parts.append(f"## {title}\n\n{words}\n\n{tables(one['found'])}\n\n{when}\n")
        elif kept := section(before, title):
            parts.append(kept)
    return "\n".join(parts)


def section(page: str, title: str) -> str | None:
    found = re.search(rf"^## {re.escape(title)}\n.*?(?=\n## |\Z)", page, re.DOTALL | re.MULTILINE)
    return found and found.group()
