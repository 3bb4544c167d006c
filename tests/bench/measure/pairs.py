"""Two programs in turn, so that a machine whose speed drifts treats both alike: A B, B A, A B, …

The two halves of a pair run within a second of each other; what is kept is the median of the pairs' ratios and
differences, and the quartiles as the spread. Both programs are started anew every few pairs: where its memory happens to
lie makes one process faster than the next by up to a tenth, for as long as it lives.
"""

from collections.abc import Callable
from statistics import quantiles

from .programs import Driven

PAIRS_EACH = 3


def compare(reference: Callable[[], Driven], other: Callable[[], Driven], in_flight: int, rounds: int,
            milliseconds: int) -> dict:
    """The other against the reference; both are started as often as is needed."""
    pairs = []
    for begun in range(0, rounds, PAIRS_EACH):
        with reference() as one, other() as two:
            for turn in range(begun, min(begun + PAIRS_EACH, rounds)):
                pairs += pair(one, two, turn, in_flight, milliseconds)
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


def pair(reference: Driven, other: Driven, turn: int, in_flight: int, milliseconds: int) -> list:
    """One pair, or none: whom the machine did not let run at all says nothing."""
    first, second = (reference, other) if turn % 2 == 0 else (other, reference)
    one, two = first.measure(in_flight, milliseconds), second.measure(in_flight, milliseconds)
    if not (one["calls"] and two["calls"]):
        return []
    return [(one, two) if turn % 2 == 0 else (two, one)]


def spread(values: list[float]) -> list[float]:
    """Lower quartile, median, upper quartile."""
    return quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
