"""Instructions and allocations of a warm call, counted by valgrind: the same on every run, whatever the machine does."""

from .programs import FAMILIES, program, server
from .text import table

import cost


def measure() -> list:
    rows = []
    with server() as origin:
        for reference, others in FAMILIES:
            for client in (reference, *others):
                instructions, allocations = cost.per_call([program(client), "call", "user", origin])
                rows.append([reference.title, client.title, instructions, allocations])
                print(f"  {client.title}: {instructions:,.0f} instructions, {allocations:.1f} allocations", flush=True)
    return rows


def tables(rows: list) -> str:
    base = {title: (instructions, allocations) for _, title, instructions, allocations in rows}
    cells = []
    for reference, title, instructions, allocations in rows:
        per, _ = base[reference]
        cells.append([title, f"{instructions:,.0f}", f"{instructions / per:.3f} × {reference}", f"{allocations:.0f}"])
    return "\n".join(table(["client", "instructions a call", "ratio", "allocations a call"], cells))
