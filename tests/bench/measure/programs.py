"""The clients' programs: where they are, how they are built, how they are driven."""

import json
import os
import subprocess
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

HERE = Path(__file__).parent.parent
ROOT = HERE.parent.parent
TARGET = ROOT / "target" / "bench"


@dataclass(frozen=True)
class Client:
    name: str
    title: str
    workspace: Path = HERE


OURS_ASYNC = Client("ours-async", "`dingtalk-async`")
# As able as the others: whoever writes it for the platform's hosts speaks HTTP/2 to them.
BARE_HYPER = Client("bare-hyper", "hyper-util by hand")
BARE_HYPER_H1 = Client("bare-hyper-h1", "hyper-util by hand, HTTP/1.1 only")
REQWEST = Client("reqwest", "reqwest by hand")
SDK = Client("dingtalk-sdk", "`dingtalk-sdk`, async", HERE / "dingtalk-sdk")
DINGDING = Client("dingding", "`dingding`")
OURS_BLOCKING = Client("ours-blocking", "`dingtalk-blocking`")
BARE_UREQ = Client("bare-ureq", "ureq by hand")
SDK_BLOCKING = Client("dingtalk-sdk-blocking", "`dingtalk-sdk`, blocking", HERE / "dingtalk-sdk")
SERVER = Client("server", "the server")

# The client that the others are measured against, and these.
FAMILIES = (
    (BARE_HYPER, (OURS_ASYNC, BARE_HYPER_H1, REQWEST, SDK, DINGDING)),
    (BARE_UREQ, (OURS_BLOCKING, SDK_BLOCKING)),
)


# Before the machine's other programs, where that is allowed; server and clients alike.
FIRST = ["nice", "-n", "-15"] if os.geteuid() == 0 else []


def environment() -> dict[str, str]:
    """A proxy of the machine's is not part of the measurement, and every table has one target folder."""
    proxies = {"https_proxy", "http_proxy", "all_proxy", "no_proxy"}
    kept = {name: value for name, value in os.environ.items() if name.lower() not in proxies}
    return kept | {"CARGO_TARGET_DIR": str(TARGET), "CARGO_INCREMENTAL": "0"}


def cargo(client: Client, *arguments: str, **more) -> str:
    command = ["cargo", *arguments, "--manifest-path", str(client.workspace / "Cargo.toml")]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **{"env": environment()} | more).stdout


def program(client: Client) -> str:
    """Builds a client with nothing but its own dependencies."""
    cargo(client, "build", "--quiet", "--release", "--no-default-features",
          "--features", client.name, "--bin", client.name)
    return str(TARGET / "release" / client.name)


@contextmanager
def server():
    """The server in a process of its own; gives its origin."""
    process = subprocess.Popen([*FIRST, program(SERVER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.wait(timeout=10)


class Driven:
    """A client's program that waits to be told how many calls to keep in flight, and for how long."""

    def __init__(self, command: list[str], **more):
        self.process = subprocess.Popen([*FIRST, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=environment(), **more)
        self.line()

    def measure(self, in_flight: int, milliseconds: int) -> dict[str, float]:
        self.process.stdin.write(f"{in_flight} {milliseconds}\n")
        self.process.stdin.flush()
        return json.loads(self.line())

    def line(self) -> str:
        line = self.process.stdout.readline()
        assert line, f"{self.process.args[0]} ended"
        return line

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(timeout=30)


def drive(client: Client, origin: str, work: str = "user") -> Callable[[], Driven]:
    """Builds the client; what is given starts it."""
    return partial(Driven, [program(client), "drive", work, origin])
