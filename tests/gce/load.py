"""A day of load: its hours, one burst, and the loss of a zone."""

from dataclasses import dataclass

HOUR = 3600.0
DAY = 24 * HOUR
# Percent of the day's peak at each full hour, of people who log in: few at night, a first peak at work, a
# higher one in the evening. An example; put your own in its place.
NIGHT, MORNING = (30, 22, 18, 16, 16, 20), (30, 46, 60, 66, 68, 68)
AFTERNOON, EVENING = (66, 64, 64, 66, 70, 76), (86, 95, 100, 90, 66, 44)
SHAPE = NIGHT + MORNING + AFTERNOON + EVENING


@dataclass(frozen=True)
class Event:
    """Something between two times, in seconds since midnight."""

    begin: float
    end: float


@dataclass(frozen=True)
class Day:
    """Hashes a second at each moment. Before midnight (below 0) are days without events."""

    peak: float  # hashes a second
    burst: Event = Event(10.5 * HOUR, 10.5 * HOUR + 900)
    burst_factor: float = 5.0
    burst_rise: float = 60.0  # seconds
    burst_fall: float = 300.0  # seconds, after its end
    zone_loss: Event = Event(19 * HOUR, 20.5 * HOUR)

    def rate(self, time: float) -> float:
        return self.peak * self.usual(time) * self.factor(time)

    @staticmethod
    def usual(time: float) -> float:
        """Share of the peak, between the hours in a straight line."""
        hour = (time % DAY) / HOUR
        place = int(hour)
        before, after = SHAPE[place], SHAPE[(place + 1) % len(SHAPE)]
        return (before + (after - before) * (hour - place)) / 100

    def factor(self, time: float) -> float:
        """How many times the usual load there is: up in `burst_rise`, down in `burst_fall`."""
        rising = (time - self.burst.begin) / self.burst_rise
        falling = 1 - (time - self.burst.end) / self.burst_fall
        return 1 + (self.burst_factor - 1) * max(min(rising, falling, 1.0), 0.0)
