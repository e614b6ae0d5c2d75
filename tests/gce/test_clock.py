"""The clock that the model of Google's cloud runs by."""

import sys
import threading
from collections.abc import Iterator

import pytest

from gce.clock import Clock


def test_calls_come_in_the_order_of_their_times() -> None:
    clock, seen = Clock(), list[tuple[str, float]]()
    clock.every(3, lambda: seen.append(("three", clock.now())))
    clock.after(4, lambda: seen.append(("once", clock.now())))
    clock.every(2, lambda: seen.append(("two", clock.now())))
    clock.advance(6)
    assert seen == [("two", 2), ("three", 3), ("once", 4), ("two", 4), ("three", 6), ("two", 6)]
    assert clock.now() == 6


def test_at_the_same_time_the_first_that_was_asked_for_comes_first() -> None:
    """However often each has come: what moves machines is asked for before what looks at them."""
    clock, seen = Clock(), list[str]()
    clock.every(1, lambda: seen.append("often"))
    clock.every(3, lambda: seen.append("seldom"))
    clock.advance(6)
    assert "".join(name[0] for name in seen) == "ooosooos"


def test_small_steps_and_a_large_one_are_the_same() -> None:
    def run(steps: list[float]) -> list[float]:
        clock, seen = Clock(), list[float]()
        clock.every(0.5, lambda: seen.append(clock.now()))
        for step in steps:
            clock.advance(step)
        return seen

    assert run([10]) == run([0.25] * 40) == run([3, 0, 7])


def test_what_a_call_asks_for_is_done_in_the_same_advance() -> None:
    clock, seen = Clock(), list[float]()

    def ask() -> None:
        clock.after(1, lambda: seen.append(clock.now()))

    clock.after(1, ask)
    clock.advance(5)
    assert seen == [2]


def test_a_cancelled_call_is_not_made() -> None:
    clock, seen = Clock(), list[float]()
    timer = clock.every(1, lambda: seen.append(clock.now()))
    clock.after(2.5, timer.cancel)
    clock.advance(10)
    assert seen == [1, 2]


def test_what_cannot_be_is_refused() -> None:
    clock = Clock()
    with pytest.raises(ValueError, match="does not go back"):
        clock.advance(-1)
    with pytest.raises(ValueError, match="never ends"):
        clock.every(0, lambda: None)
    clock.after(1, lambda: clock.advance(1))
    with pytest.raises(RuntimeError, match="cannot advance it"):
        clock.advance(2)
    clock.advance(1)


@pytest.fixture
def hurried_threads() -> Iterator[None]:
    """Python changes between threads as often as it can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hurried_threads")
def test_threads_that_advance_it_lose_no_time_and_no_call() -> None:
    clock, seen = Clock(), list[float]()
    clock.every(1, lambda: seen.append(clock.now()))

    def work() -> None:
        for _ in range(2000):
            clock.advance(0.5)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert clock.now() == 4000
    assert seen == [float(second) for second in range(1, 4001)]
