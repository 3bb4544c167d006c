"""Calls a second, and what a call takes longer than by hand, with 1, 32 and 256 calls in flight."""

from .pairs import compare
from .programs import FAMILIES, OURS_ASYNC, REQWEST, drive, server
from .text import added, range_of, table

IN_FLIGHT = (1, 32, 256)
MILLISECONDS = 300
COMPARED = (*FAMILIES, (REQWEST, (OURS_ASYNC,)))


def measure(rounds: int) -> list:
    rows = []
    with server() as origin:
        for reference, others in COMPARED:
            one = drive(reference, origin)
            for other in others:
                two = drive(other, origin)
                for in_flight in IN_FLIGHT:
                    result = compare(one, two, in_flight, rounds, MILLISECONDS)
                    rows.append([reference.title, other.title, in_flight, result])
                    print(f"  {other.title}, {in_flight} in flight: {range_of(result['ratio'])}", flush=True)
    return rows


def tables(rows: list) -> str:
    lines = []
    for reference, _ in COMPARED:
        mine = [row for row in rows if row[0] == reference.title]
        heads = [f"against {reference.title}", "in flight", "calls a second", "p50 added", "p99 added",
                 f"({reference.title}: calls a second, p50, p99)"]
        lines += table(heads, [
            [title, in_flight, range_of(result["ratio"], " ×"), added(result["p50"]), added(result["p99"]),
             f"({result['reference']['rate'][1]:,.0f}, {result['reference']['p50'][1]:,.0f} µs, "
             f"{result['reference']['p99'][1]:,.0f} µs)"]
            for _, title, in_flight, result in mine])
        lines.append("")
    return "\n".join(lines)
