"""A thousand callers at once on a client that has no token yet: how many tokens are asked for.

The server takes 100 ms for a token, which is about what the platform takes.
"""

import json
import subprocess
import urllib.request

from .programs import DINGDING, OURS_ASYNC, OURS_BLOCKING, SDK, SDK_BLOCKING, environment, program, server
from .text import table

CALLERS = 1_000


def measure() -> list:
    rows = []
    for client in (OURS_ASYNC, OURS_BLOCKING, SDK, SDK_BLOCKING, DINGDING):
        with server() as origin:
            run = [program(client), "herd", "user", origin, str(CALLERS)]
            said = subprocess.run(run, check=True, stdout=subprocess.PIPE, text=True, env=environment(), timeout=300)
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"{origin}/tokens") as answer:
                tokens = int(answer.read())
            served = json.loads(said.stdout)["served"]
        rows.append([client.title, tokens, served])
        print(f"  {client.title}: {tokens} token requests, {served} of {CALLERS} served", flush=True)
    return rows


def tables(rows: list) -> str:
    return "\n".join(table(
        ["client", "token requests", "callers with an answer"],
        [[title, f"**{tokens:,}**", f"{served:,} of {CALLERS:,}"] for title, tokens, served in rows]))
