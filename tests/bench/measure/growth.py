"""How what a call costs grows: with the number of credentials, of calls in flight, and with the size of the answer."""

import subprocess

import cost

from .pairs import compare
from .programs import BARE_HYPER, BARE_UREQ, OURS_ASYNC, OURS_BLOCKING, drive, program, server
from .text import range_of, table

PAIRS = ((BARE_HYPER, OURS_ASYNC), (BARE_UREQ, OURS_BLOCKING))
CREDENTIALS = (1, 100, 10_000, 100_000)
IN_FLIGHT = (1, 10, 100, 1_000)
PEOPLE = (1, 10, 100, 1_000, 3_300)
MILLISECONDS = 300


def measure(rounds: int) -> dict:
    with server() as origin:
        return {
            "credentials": credentials(origin, rounds),
            "in flight": in_flight(origin, rounds),
            "body": body(origin, rounds),
        }


def credentials(origin: str, rounds: int) -> list:
    rows = []
    for _, client in PAIRS:
        path = program(client)
        one_instructions, one_memory = None, None
        one = drive(client, origin, "corps:1")
        for how_many in CREDENTIALS:
            work = f"corps:{how_many}"
            # Enough calls to stand out from what it takes to make very many credentials.
            instructions, _ = cost.per_call([path, "call", work, origin], few=100, many=2_100, allocations=False)
            memory = int(subprocess.run([path, "memory", work, origin], check=True, capture_output=True,
                                        text=True).stdout)
            one_instructions, one_memory = one_instructions or instructions, one_memory or memory
            ratio = compare(one, drive(client, origin, work), 1, rounds, MILLISECONDS)["ratio"]
            bytes_each = (memory - one_memory) * 1024 / how_many if how_many >= 10_000 else None
            rows.append([client.title, how_many, instructions / one_instructions, ratio, bytes_each])
            print(f"  {client.title}, {how_many} credentials: {range_of(ratio)}", flush=True)
    return rows


def in_flight(origin: str, rounds: int) -> list:
    rows = []
    for reference, client in PAIRS:
        one, two = drive(reference, origin), drive(client, origin)
        alone = None
        for in_flight in IN_FLIGHT:
            result = compare(one, two, in_flight, rounds, MILLISECONDS)
            rate = result["ratio"][1] * result["reference"]["rate"][1]
            alone = alone or rate
            rows.append([reference.title, client.title, in_flight, rate / alone, result["ratio"]])
            print(f"  {client.title}, {in_flight} in flight: {range_of(result['ratio'])}", flush=True)
    return rows


def body(origin: str, rounds: int) -> list:
    rows = []
    for reference, client in PAIRS:
        for people in PEOPLE:
            work = f"list:{people}"
            calls = {"few": 2, "many": 2 + max(4, 400 // people), "allocations": False}
            one, _ = cost.per_call([program(reference), "call", work, origin], **calls)
            two, _ = cost.per_call([program(client), "call", work, origin], **calls)
            first, second = drive(reference, origin, work), drive(client, origin, work)
            ratio = compare(first, second, 1, rounds, max(MILLISECONDS, people // 2))["ratio"]
            rows.append([reference.title, client.title, people, two / one, two / people, ratio])
            print(f"  {client.title}, {people} people: {two / one:.3f}, {range_of(ratio)}", flush=True)
    return rows


def tables(found: dict) -> str:
    by_credentials = table(
        ["client", "credentials", "instructions a call, × those with 1", "calls a second, × those with 1",
         "memory a credential"],
        [[title, f"{how_many:,}", f"{instructions:.3f}", range_of(ratio), f"{each:,.0f} bytes" if each else ""]
         for title, how_many, instructions, ratio, each in found["credentials"]])
    by_flight = table(
        ["client", "in flight", "calls a second, × those with 1 in flight", "calls a second, × those by hand"],
        [[title, f"{in_flight:,}", f"{alone:.2f}", f"{range_of(ratio)} × {reference}"]
         for reference, title, in_flight, alone, ratio in found["in flight"]])
    by_body = table(
        ["client", "people in the answer", "answer", "instructions a person", "instructions, × those by hand",
         "calls a second, × those by hand"],
        [[title, f"{people:,}", size(people), f"{each:,.0f}", f"{ratio:.3f} × {reference}", range_of(rate)]
         for reference, title, people, ratio, each, rate in found["body"]])
    return "\n".join(["### Credentials", "", *by_credentials, "", "### Calls in flight", "", *by_flight, "",
                      "### Size of the answer", "", *by_body])


def size(people: int) -> str:
    kilobytes = people * 1.22
    return f"{kilobytes / 1000:.1f} MB" if kilobytes >= 1000 else f"{kilobytes:.1f} KB"
