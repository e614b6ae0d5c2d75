"""The autoscaler: its formula, its windows, its modes."""

from collections.abc import Mapping
from typing import Any

import pytest

from gce.autoscaler import Autoscaler, Metric, no_metric
from gce.capacity import Fluid
from gce.clock import Clock
from gce.fleet import Fleet
from gce.machines import Phases, SimulatedMachines

ZONES = ("zone-a", "zone-b", "zone-c")
MANAGER: dict[str, Any] = {
    "name": "web",
    "targetSize": 3,
    "versions": [{"instanceTemplate": "one"}],
    "distributionPolicy": {"zones": [{"zone": zone} for zone in ZONES]},
}
FULL = 10.0  # hashes a second of one machine


class Scaled:
    """A fleet that boots in 60 s, its load in hashes a second, and its autoscaler."""

    def __init__(
        self,
        load: float,
        size: int = 3,
        metric: Metric = no_metric,
        period: float = 60,
        step: float = 1,
        **policy: Any,
    ) -> None:
        self.clock = Clock()
        self.load = load
        self.machines = SimulatedMachines(
            self.clock,
            Phases(),
            Fluid(FULL / 2),
            lambda _: self.load,
            boot_utilisation=0.9,
            period=step,
        )
        manager = {**MANAGER, "targetSize": size}
        self.fleet = Fleet(self.clock, self.machines, manager, lambda _: {}, period=step)
        self.clock.advance(120)
        self.policy: dict[str, Any] = {
            "minNumReplicas": 2,
            "maxNumReplicas": 20,
            "cpuUtilization": {"utilizationTarget": 0.5},
            **policy,
        }
        self.autoscaler = Autoscaler(
            self.clock,
            self.fleet,
            {"name": "web", "autoscalingPolicy": self.policy},
            metric,
            period,
        )

    def after(self, seconds: float) -> int:
        self.clock.advance(seconds)
        return self.fleet.target_size

    def configure(self, **policy: Any) -> None:
        self.policy = {**self.policy, **policy}
        self.autoscaler.configure({"name": "web", "autoscalingPolicy": self.policy})


@pytest.mark.parametrize(("load", "size"), [(15, 3), (15.1, 4), (20, 4), (22.5, 5), (29, 6)])
def test_it_grows_to_where_the_mean_is_at_the_target_and_rounds_up(load: float, size: int) -> None:
    """3 machines of 10: 22.5 needs 4.5 at half use, so one and a half more make two more."""
    assert Scaled(load).after(60) == size


@pytest.mark.parametrize(("load", "size"), [(25, 5), (22.5, 5), (17.5, 4), (15, 3), (1, 2)])
def test_it_shrinks_no_further_than_the_target_allows(load: float, size: int) -> None:
    """From 6: 22.5 could spare one and a half, so one goes. Never below the minimum."""
    scaled = Scaled(26, size=6)
    scaled.clock.advance(60)
    scaled.load = load
    assert scaled.after(900) == size


def test_one_step_is_at_most_one_through_the_target() -> None:
    """Above 100 % CPU is blind: ten times the load looks as twice."""
    scaled = Scaled(300)
    sizes = [scaled.after(120) for _ in range(4)]
    assert sizes[:2] == [6, 12]
    assert sizes[-1] == 20


def test_machines_that_start_do_not_make_it_grow_further() -> None:
    """Their start takes nine tenths of a CPU, which is above the target."""
    scaled = Scaled(19, period=10)
    assert scaled.after(10) == 4
    for _ in range(30):
        assert scaled.after(10) == 4


def test_without_an_initialisation_period_a_start_is_taken_for_load() -> None:
    grown = Scaled(19, period=10, coolDownPeriodSec=0)
    assert max(grown.after(10) for _ in range(10)) > 4


def test_it_keeps_the_peak_of_the_stabilisation_period() -> None:
    scaled = Scaled(30)
    assert scaled.after(60) == 6
    scaled.load = 1
    assert scaled.after(540) == 6
    assert scaled.after(120) == 2


def test_a_longer_initialisation_lengthens_the_stabilisation() -> None:
    scaled = Scaled(30, coolDownPeriodSec=60)
    assert scaled.after(60) == 6
    scaled.configure(coolDownPeriodSec=1800)
    scaled.load = 1
    assert scaled.after(1200) == 6
    assert scaled.after(900) == 2


def test_scale_in_control_bounds_how_many_go_in_its_window() -> None:
    control = {"maxScaledInReplicas": {"fixed": 2}, "timeWindowSec": 900}
    scaled = Scaled(60, size=10, scaleInControl=control)
    assert scaled.after(60) == 12
    scaled.load = 1
    sizes = [scaled.after(60) for _ in range(100)]
    assert sizes[-1] == 2
    for place in range(len(sizes)):
        window = sizes[max(place - 14, 0) : place + 1]
        assert max(window) - sizes[place] <= 2


def test_scale_in_control_by_percent() -> None:
    control = {"maxScaledInReplicas": {"percent": 50}, "timeWindowSec": 600}
    scaled = Scaled(60, size=12, scaleInControl=control)
    scaled.clock.advance(60)
    scaled.load = 1
    assert scaled.after(660) == 6


def test_the_bounds_hold_at_once() -> None:
    scaled = Scaled(15)
    scaled.configure(minNumReplicas=5)
    assert scaled.fleet.target_size == 5
    scaled.configure(minNumReplicas=1, maxNumReplicas=2)
    assert scaled.fleet.target_size == 2


def test_the_modes() -> None:
    scaled = Scaled(30, mode="OFF")
    assert scaled.after(120) == 3
    assert scaled.autoscaler.recommended_size == 6
    assert [d["type"] for d in scaled.autoscaler.status_details] == ["MODE_OFF"]
    scaled.configure(mode="ONLY_SCALE_OUT")
    assert scaled.after(60) == 6
    scaled.load = 1
    assert scaled.after(1200) == 6
    scaled.configure(mode="ON")
    assert scaled.after(60) == 2


def test_what_stands_in_its_way_is_told() -> None:
    scaled = Scaled(300, maxNumReplicas=4)
    assert scaled.after(300) == 4
    details = scaled.autoscaler.status_details
    assert [d["type"] for d in details] == ["CAPPED_AT_MAX_NUM_REPLICAS"]
    assert scaled.fleet.status()["autoscaler"] == "web"
    scaled.configure(minNumReplicas=4)
    scaled.clock.advance(60)
    assert "MIN_EQUALS_MAX" in {d["type"] for d in scaled.autoscaler.status_details}


def test_a_stopped_autoscaler_leaves_the_size_alone() -> None:
    scaled = Scaled(15)
    scaled.autoscaler.stop()
    scaled.load = 100
    assert scaled.after(900) == 3
    assert "autoscaler" not in scaled.fleet.status()


def test_what_is_shed_is_seen_where_cpu_is_blind() -> None:
    """100 hashes a second more than three machines can: at a target of 5 each, 20 machines."""
    scaled: Scaled

    def shed(name: str) -> Mapping[str, float]:
        assert name == "custom/shed"
        return {one: scaled.machines.work(one).shed for one in scaled.fleet.members()}

    metric = {"metric": "custom/shed", "utilizationTarget": 5, "utilizationTargetType": "GAUGE"}
    scaled = Scaled(105, metric=shed, customMetricUtilizations=[metric])
    assert scaled.after(60) == 15
    blind = Scaled(105)
    assert blind.after(60) == 6


def test_a_metric_of_the_group_is_shared_out_by_assignment() -> None:
    metric = {"metric": "queue", "singleInstanceAssignment": 4}
    scaled = Scaled(1, metric=lambda _: {"": 30.0}, customMetricUtilizations=[metric])
    assert scaled.after(60) == 8


def test_a_metric_without_values_is_told_and_does_not_scale() -> None:
    metric = {"metric": "custom/nothing", "utilizationTarget": 5}
    scaled = Scaled(20, customMetricUtilizations=[metric])
    assert scaled.after(60) == 4
    details = [d["type"] for d in scaled.autoscaler.status_details]
    assert details == ["MISSING_CUSTOM_METRIC_DATA_POINTS"]


def test_the_load_of_a_lost_zone_is_made_up_for_in_the_others() -> None:
    scaled = Scaled(29, size=6)
    assert scaled.after(60) == 6
    scaled.machines.lose_zone("zone-a")
    scaled.clock.advance(900)
    assert scaled.fleet.history[-1].ready >= 6
    scaled.machines.restore_zone("zone-a")
    assert scaled.after(3600) == 6
    zones = [m["instance"].split("/")[-3] for m in scaled.fleet.managed_instances()]
    assert sorted(zones) == ["zone-a"] * 2 + ["zone-b"] * 2 + ["zone-c"] * 2


def test_a_tolerance_lets_a_small_excess_pass() -> None:
    scaled = Scaled(15.1)
    scaled.autoscaler.tolerance = 0.1
    assert scaled.after(300) == 3


def test_prediction_is_there_before_the_load() -> None:
    """The second day's rise is met by machines that are ready already; the first day's is not."""

    def sizes(predictive: str) -> list[int]:
        scaled = Scaled(
            10,
            cpuUtilization={"utilizationTarget": 0.5, "predictiveMethod": predictive},
            coolDownPeriodSec=120,
            step=20,
        )
        found = []
        for _ in range(2):
            scaled.load = 10
            scaled.clock.advance(43_200)
            found.append(scaled.fleet.target_size)
            scaled.load = 60
            scaled.clock.advance(43_200)
        return found

    assert sizes("NONE") == [2, 2]
    assert sizes("OPTIMIZE_AVAILABILITY")[0] == 2
    assert sizes("OPTIMIZE_AVAILABILITY")[1] >= 4
