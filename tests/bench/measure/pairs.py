"""Two programs in turn, so that a machine whose speed drifts treats both alike: A B, B A, A B, …

The two halves of a pair run within a second of each other; what is kept is the median of the pairs' ratios and
differences, and the quartiles as the spread.
"""

from statistics import quantiles

from .programs import Driven


def compare(reference: Driven, other: Driven, in_flight: int, rounds: int, milliseconds: int) -> dict:
    """The other against the reference."""
    pairs = []
    for turn in range(rounds):
        first, second = (reference, other) if turn % 2 == 0 else (other, reference)
        one, two = first.measure(in_flight, milliseconds), second.measure(in_flight, milliseconds)
        # Whom the machine did not let run at all says nothing.
        if one["calls"] and two["calls"]:
            pairs.append((one, two) if turn % 2 == 0 else (two, one))
    return {
        "ratio": spread([two["rate"] / one["rate"] for one, two in pairs]),
        "p50": spread([(two["p50"] - one["p50"]) / 1000 for one, two in pairs]),
        "p99": spread([(two["p99"] - one["p99"]) / 1000 for one, two in pairs]),
        "reference": {
            "rate": spread([one["rate"] for one, _ in pairs]),
            "p50": spread([one["p50"] / 1000 for one, _ in pairs]),
            "p99": spread([one["p99"] / 1000 for one, _ in pairs]),
        },
    }


def spread(values: list[float]) -> list[float]:
    """Lower quartile, median, upper quartile."""
    return quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
