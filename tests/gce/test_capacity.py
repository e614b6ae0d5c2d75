"""How full a machine is: the formula beside a simulation of single requests."""

import random
from dataclasses import dataclass, field

import pytest

from gce.capacity import Engine, Fluid
from gce.scenarios import engine

LANES, LIBXCRYPT = engine("lanes"), engine("libxcrypt")


@dataclass
class Worker:
    """What is left of its hashes, in seconds of a worker with one lane."""

    engine: Engine
    left: list[float] = field(default_factory=list)

    def rate(self) -> float:
        """Of each of its hashes, against one that is alone."""
        return self.engine.speedups[len(self.left) - 1] / len(self.left)

    def next_end(self) -> float:
        return min(self.left) / self.rate() if self.left else float("inf")

    def work(self, seconds: float) -> None:
        if self.left:
            rate = self.rate()
            self.left = [one - seconds * rate for one in self.left]


@dataclass
class Machine:
    """Requests one by one: Poisson arrivals, hashes that all take the same, nginx's cap."""

    engine: Engine
    vcpus: int
    waiting: int = 0
    busy: float = 0.0
    active: float = 0.0
    now: float = 0.0

    def __post_init__(self) -> None:
        self.workers = [Worker(self.engine) for _ in range(self.vcpus)]
        self.hash_seconds = self.engine.speedups[-1] / self.engine.per_vcpu

    def pass_time(self, seconds: float) -> None:
        for worker in self.workers:
            self.busy += seconds * bool(worker.left)
            self.active += seconds * len(worker.left)
            worker.work(seconds)
        self.now += seconds

    def until(self, time: float) -> None:
        while True:
            first = min(self.workers, key=Worker.next_end)
            if self.now + first.next_end() > time:
                self.pass_time(time - self.now)
                return
            self.pass_time(first.next_end())
            first.left.remove(min(first.left))
            if self.waiting:
                self.waiting -= 1
                self.take()

    def take(self) -> None:
        min(self.workers, key=lambda worker: len(worker.left)).left.append(self.hash_seconds)

    def offer(self) -> bool:
        """False when it is refused."""
        active = sum(len(worker.left) for worker in self.workers)
        if active + self.waiting >= self.engine.cap(self.vcpus):
            return False
        if active < self.vcpus * self.engine.lanes:
            self.take()
        else:
            self.waiting += 1
        return True


@pytest.mark.parametrize("chosen", [LIBXCRYPT, LANES], ids=lambda one: str(one.name))
@pytest.mark.parametrize("vcpus", [2, 8])
@pytest.mark.parametrize("share", [0.3, 0.5, 0.8])
def test_single_requests_agree_with_the_formula(chosen: Engine, vcpus: int, share: float) -> None:
    """Equal durations give fewer refusals than the formula, not below half of them, and the same signals."""
    load = share * chosen.per_vcpu * vcpus
    found = chosen.work(load, vcpus)
    chance, machine, refused, requests = random.Random(7), Machine(chosen, vcpus), 0, 6000
    for _ in range(requests):
        machine.until(machine.now + chance.expovariate(load))
        refused += not machine.offer()
    assert machine.busy / machine.now / vcpus == pytest.approx(found.utilisation, abs=0.06)
    lanes = vcpus * chosen.lanes
    assert machine.active / machine.now / lanes == pytest.approx(found.occupancy, abs=0.04)
    expected = found.shed / load
    assert 0.4 * expected - 0.003 <= refused / requests <= 1.1 * expected + 0.003


def test_one_lane_without_room_to_wait_is_erlangs_loss_formula() -> None:
    """Two servers and one place: a = 1 gives (1/4) / (1 + 1 + 1/2 + 1/4)."""
    work = Engine("any", 5.0).work(5.0, 2)
    assert work.shed / 5.0 == pytest.approx(0.25 / 2.75)
    assert work.served + work.shed == pytest.approx(5.0)


def test_a_busy_cpu_is_not_a_full_one() -> None:
    """The argument of docs/scaling.md."""
    fifth, half = LANES.work(0.2 * 51.1, 2), LANES.work(0.5 * 51.1, 2)
    assert fifth.utilisation == pytest.approx(2 / 3, abs=0.01)
    assert half.utilisation == pytest.approx(0.96, abs=0.005)
    assert fifth.occupancy == pytest.approx(0.17, abs=0.01)
    one_lane = LIBXCRYPT.work(0.2 * 11, 2)
    assert one_lane.utilisation == pytest.approx(one_lane.occupancy)


@pytest.mark.parametrize("chosen", [LIBXCRYPT, LANES, Fluid(5.0)])
def test_more_load_is_never_less_of_anything(chosen: Engine | Fluid) -> None:
    found = [chosen.work(load / 2, 2) for load in range(200)]
    for signal in ("served", "shed", "utilisation", "occupancy"):
        values = [float(getattr(one, signal)) for one in found]
        assert values == sorted(values)
        assert values[0] == 0


def test_the_cap_is_the_one_of_nginx() -> None:
    assert [LIBXCRYPT.cap(1), LIBXCRYPT.cap(2), LIBXCRYPT.cap(8), LANES.cap(2)] == [2, 3, 12, 15]
