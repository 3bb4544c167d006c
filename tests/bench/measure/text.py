"""Numbers and tables as Markdown."""


def table(heads: list[str], rows: list[list]) -> list[str]:
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    return lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]


def range_of(quartiles: list[float], unit: str = "") -> str:
    """The median, and the quartiles around it."""
    low, middle, high = quartiles
    return f"{middle:.3f}{unit} ({low:.3f} – {high:.3f})"


def added(quartiles: list[float]) -> str:
    low, middle, high = (round(value) for value in quartiles)
    return f"{middle:+,} µs ({low:+,} – {high:+,})"
