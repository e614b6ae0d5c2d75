"""What is made of the workers' rows; no lab is needed for it."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from persistence.client.store import TAKEN, WON


def percentile(values: Iterable[float], share: float) -> float:
    """By nearest rank; 0 of nothing."""
    ordered = sorted(values)
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)] if ordered else 0.0


def speed(times: Sequence[tuple[float, float]], begun: float, ended: float) -> dict[str, float]:
    """Answers a second, and how long they took, of those that came in the time of the load."""
    within = [(first, last) for first, last in times if last <= ended]
    took = [1000 * (last - first) for first, last in within]
    return {
        "per_s": len(within) / (ended - begun),
        "p50_ms": percentile(took, 0.5),
        "p99_ms": percentile(took, 0.99),
        "max_ms": max(took, default=0.0),
    }


@dataclass(frozen=True)
class Request:
    """A registration, from its first try to its answer."""

    name: str
    claim: str
    keyed: bool  # it carries an idempotency key
    begun: float
    ended: float
    answer: str | None  # None: told to stop before there was one
    unknown: int  # tries without an answer that may have been done


def requests(rows: Iterable[Sequence[Any]]) -> list[Request]:
    return [Request(*row) for row in rows]


def answered(made: Iterable[Request]) -> list[tuple[float, float]]:
    return [(one.begun, one.ended) for one in made if one.answer is not None]


def check_names(made: Sequence[Request], owners: Mapping[str, str]) -> dict[str, int]:
    """How the answers agree with what the store holds afterwards.

    contested: names that more than one wanted; two_winners: names that were given twice; lost: names that were
    given and that nobody, or another one, has now; nobody: names of which all answers were "taken", which is right only
    where a winner was never told; wrong: an owner that did not ask for it."""
    wanted: dict[str, list[Request]] = defaultdict(list)
    for one in made:
        wanted[one.name].append(one)
    found: Counter[str] = Counter(
        names=len(wanted), contested=0, two_winners=0, lost=0, nobody=0, wrong=0
    )
    for name, those in wanted.items():
        winners = {one.claim for one in those if one.answer == WON}
        owner = owners.get(name)
        found["contested"] += len(those) > 1
        found["two_winners"] += len(winners) > 1
        found["lost"] += sum(claim != owner for claim in winners)
        found["wrong"] += owner is not None and owner not in {one.claim for one in those}
        certain = all(one.answer == TAKEN and not one.unknown for one in those)
        found["nobody"] += certain
    return dict(found)


def one_winner(checked: Mapping[str, int]) -> bool:
    """Whether each name has exactly one winner, who still has it."""
    return not any(checked[wrong] for wrong in ("two_winners", "lost", "nobody", "wrong"))


def retries(made: Iterable[Request], owners: Mapping[str, str]) -> dict[str, dict[str, int]]:
    """Of the requests that had no answer at first and whose own claim has the name: what the retry was told."""
    found = {way: {"unknown": 0, "done": 0, WON: 0, TAKEN: 0} for way in ("keyed", "unkeyed")}
    for one in made:
        if not one.unknown:
            continue
        row = found["keyed" if one.keyed else "unkeyed"]
        row["unknown"] += 1
        if owners.get(one.name) == one.claim and one.answer is not None:
            row["done"] += 1
            row[one.answer] += 1
    return found


def gap_s(made: Iterable[Request], begun: float, ended: float) -> float:
    """The longest time in which nobody had an answer."""
    times = [
        begun,
        *sorted(one.ended for one in made if one.answer and begun < one.ended < ended),
        ended,
    ]
    return max(later - earlier for earlier, later in zip(times, times[1:], strict=False))


def longest_wait_s(reports: Iterable[Mapping[str, Any]], begun: float, ended: float) -> float:
    """The longest time in which one of the workers had no answer."""
    return max(gap_s(requests(report["rows"]), begun, ended) for report in reports)


def timeline(
    made: Iterable[Request], zero: float, begun: float, ended: float, step_s: float
) -> list[list[float]]:
    """Answers a second, in steps from begun to ended; times are relative to zero."""
    counts = Counter(
        int((one.ended - begun) / step_s)
        for one in made
        if one.answer and begun <= one.ended < ended
    )
    steps = int((ended - begun) / step_s)
    return [[round(begun - zero + (i + 0.5) * step_s, 3), counts[i] / step_s] for i in range(steps)]
