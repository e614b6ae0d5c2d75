"""Time that passes only when it is told to."""

import heapq
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count


@dataclass(order=True)
class Timer:
    """A call that is due. Ordered by its time, then by when it was asked for."""

    due: float
    number: int
    call: Callable[[], None] = field(compare=False)
    period: float | None = field(compare=False)
    cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        """It is not called any more; to cancel twice does no harm."""
        self.cancelled = True


class Clock:
    """Seconds since the clock was made, and calls at given times.

    Several threads may use it. Calls are made in the thread that advances the clock, one after the other,
    in the order of their times; those of the same time in the order in which they were asked for.
    """

    def __init__(self, start: float = 0.0) -> None:
        self._now = start
        self._timers: list[Timer] = []
        self._numbers = count()
        self._queue = threading.Lock()
        self._turn = threading.Lock()
        self._turn_of: int | None = None

    def now(self) -> float:
        """Seconds."""
        return self._now

    def every(self, period: float, call: Callable[[], None]) -> Timer:
        """Calls it again and again, each `period` seconds, the first time one period from now."""
        if period <= 0:
            raise ValueError(f"a period of {period} s never ends")
        return self._add(self._now + period, call, period)

    def after(self, delay: float, call: Callable[[], None]) -> Timer:
        """Calls it once, `delay` seconds from now."""
        return self._add(self._now + max(delay, 0.0), call, None)

    def advance(self, seconds: float) -> None:
        """Lets time pass and makes all calls that fall due, those that they ask for included.

        Raises ValueError for a step back, and RuntimeError when one of the calls advances the clock.
        """
        if seconds < 0:
            raise ValueError(f"time does not go back by {-seconds} s")
        if self._turn_of == threading.get_ident():
            raise RuntimeError("a call of the clock cannot advance it")
        with self._turn:
            self._turn_of = threading.get_ident()
            try:
                end = self._now + seconds
                while (timer := self._next(end)) is not None:
                    timer.call()
                self._now = end
            finally:
                self._turn_of = None

    def _add(self, due: float, call: Callable[[], None], period: float | None) -> Timer:
        with self._queue:
            timer = Timer(due, next(self._numbers), call, period)
            heapq.heappush(self._timers, timer)
        return timer

    def _next(self, end: float) -> Timer | None:
        """Takes out the first timer that is due until then; a repeated one is put in again."""
        with self._queue:
            while self._timers and self._timers[0].due <= end:
                timer = heapq.heappop(self._timers)
                if timer.cancelled:
                    continue
                self._now = timer.due
                if timer.period is not None:
                    timer.due += timer.period
                    heapq.heappush(self._timers, timer)
                return timer
        return None
