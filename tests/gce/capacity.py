"""How full one machine is, and what it refuses, when so many hashes a second are asked of it."""

import functools
from dataclasses import dataclass
from typing import Protocol

LARGE = 1e100  # weights count beside each other only; larger ones are made smaller in time


@dataclass(frozen=True)
class Work:
    """What a machine does with its load. The rates are hashes a second; the shares are 0 to 1."""

    served: float
    shed: float
    utilisation: float  # of its CPUs, as the hypervisor sees it
    occupancy: float  # of its lanes: bcryptd_lane_occupancy / bcryptd_lanes


IDLE = Work(0.0, 0.0, 0.0, 0.0)


class Capacity(Protocol):
    def work(self, offered: float, vcpus: float) -> Work:
        """What a machine with so many vCPUs does with so many hashes a second."""
        ...


@dataclass(frozen=True)
class Fluid:
    """Requests as a fluid that arrives evenly: nothing is refused below the capacity."""

    per_vcpu: float  # hashes a second

    def work(self, offered: float, vcpus: float) -> Work:
        full = self.per_vcpu * vcpus
        served = min(offered, full)
        return Work(served, offered - served, served / full, served / full)


@dataclass(frozen=True)
class Engine:
    """bcryptd behind nginx's cap, with requests that arrive independently of each other (Poisson).

    speedups[k - 1] is how many times as many hashes a second a worker computes with k lanes active as
    with one; its length is the number of lanes. A machine has a worker for each vCPU.

    The number in flight is a birth-death process (Erlang's loss formula is its simplest case). Requests go to
    the worker with the fewest. As lanes share a worker, the result does not depend on how the hashes'
    durations are distributed, as long as nobody waits (Kelly, "Reversibility and Stochastic Networks", 1979,
    chapter 3); for the few places to wait the durations are taken as exponential, which errs towards
    more refusals.
    """

    name: str
    per_vcpu: float  # hashes a second with all lanes active
    speedups: tuple[float, ...] = (1.0,)

    @property
    def lanes(self) -> int:
        return len(self.speedups)

    def cap(self, workers: int) -> int:
        """nginx's: as many as there are lanes, and half of that, at least one, to wait (decision 6)."""
        places = workers * self.lanes
        return places + max(places // 2, 1)

    def work(self, offered: float, vcpus: float) -> Work:
        return stationary(self, round(offered, 3), max(round(vcpus), 1))


@functools.lru_cache(maxsize=200_000)
def stationary(engine: Engine, offered: float, workers: int) -> Work:
    """The process's long-run shares; a day's load changes slowly compared with a hash's duration."""
    if offered <= 0:
        return IDLE
    lanes = engine.lanes
    alone = engine.per_vcpu / engine.speedups[-1]  # hashes a second of a worker with one lane
    weight = total = 1.0
    busy = active = served = 0.0
    for in_flight in range(1, engine.cap(workers) + 1):
        computed = min(in_flight, workers * lanes)
        share, more = divmod(computed, workers)
        rate = alone * sum(
            engine.speedups[k - 1] * n
            for k, n in ((share, workers - more), (share + 1, more))
            if k and n
        )
        weight *= offered / rate
        total += weight
        busy += weight * min(in_flight, workers)
        active += weight * computed
        served += weight * rate
        if weight > LARGE:
            weight, total, busy, active, served = (
                value / LARGE for value in (weight, total, busy, active, served)
            )
    served = min(served / total, offered)
    return Work(
        served=served,
        shed=offered * weight / total,
        utilisation=busy / total / workers,
        occupancy=active / total / (workers * lanes),
    )
