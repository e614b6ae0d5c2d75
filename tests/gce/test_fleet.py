"""The managed instance group: its size, its zones, rolling updates, healing."""

from collections import Counter
from typing import Any

import pytest

from gce import policy
from gce.clock import Clock
from gce.fleet import Fleet
from gce.machines import Behaviour, Phases, SimulatedMachines

ZONES = ("zone-a", "zone-b", "zone-c")
BASE = "https://www.googleapis.com/compute/v1/projects/example"
LIVENESS = {
    "checkIntervalSec": 10,
    "unhealthyThreshold": 3,
    "healthyThreshold": 1,
}
MANAGER: dict[str, Any] = {
    "name": "web",
    "baseInstanceName": "web",
    "selfLink": f"{BASE}/regions/region/instanceGroupManagers/web",
    "targetSize": 3,
    "versions": [{"instanceTemplate": "one", "name": "stable"}],
    "distributionPolicy": {"zones": [{"zone": f"{BASE}/zones/{zone}"} for zone in ZONES]},
    "updatePolicy": {
        "type": "PROACTIVE",
        "minimalAction": "REPLACE",
        "maxSurge": {"fixed": 3},
        "maxUnavailable": {"fixed": 0},
    },
    "autoHealingPolicies": [{"healthCheck": "liveness", "initialDelaySec": 120}],
}


class Group:
    """A fleet of simulated machines; the template's name says what its image is good for."""

    def __init__(self, path: str = "/livez", **changes: Any) -> None:
        self.clock = Clock()
        self.machines = SimulatedMachines(
            self.clock, Phases(), behaviour_of=lambda template: Behaviour(template["is"])
        )
        self.manager = {**MANAGER, **changes}
        self.templates = {
            "one": "good",
            "two": "good",
            "bad": "never-live",
            "unready": "never-ready",
            "dying": "dies",
        }
        self.fleet = Fleet(
            self.clock,
            self.machines,
            self.manager,
            lambda url: {"is": self.templates[url]},
            lambda _: {**LIVENESS, "httpHealthCheck": {"requestPath": path}},
        )

    def until_stable(self, limit: float = 3600) -> None:
        end = self.clock.now() + limit
        self.clock.advance(1)
        while not (self.fleet.stable and self.fleet.version_reached):
            assert self.clock.now() < end, self.fleet.managed_instances()
            self.clock.advance(1)

    def until_members_serve(self, number: int) -> None:
        end = self.clock.now() + 600
        while self.fleet.history[-1].ready != number:
            assert self.clock.now() < end, self.fleet.managed_instances()
            self.clock.advance(1)

    def configure(self, **changes: Any) -> None:
        self.manager = {**self.manager, "targetSize": self.fleet.target_size, **changes}
        self.fleet.configure(self.manager)

    def update(self, *versions: dict[str, Any]) -> None:
        self.configure(versions=list(versions))

    def templates_in_use(self) -> dict[str, int]:
        return Counter(m["version"]["instanceTemplate"] for m in self.fleet.managed_instances())

    def zones(self) -> Counter[str]:
        return Counter(m["instance"].split("/")[-3] for m in self.fleet.managed_instances())

    def lowest_ready(self, since: float) -> int:
        return min(step.ready for step in self.fleet.history if step.time >= since)


@pytest.fixture
def group() -> Group:
    """Three instances that serve."""
    made = Group()
    made.until_stable()
    return made


def version(template: str, name: str, **size: int) -> dict[str, Any]:
    found: dict[str, Any] = {"instanceTemplate": template, "name": name}
    return {**found, "targetSize": size} if size else found


def test_instances_are_created_verified_and_spread_over_the_zones() -> None:
    group = Group(targetSize=7)
    group.clock.advance(2)
    assert group.fleet.current_actions()["creating"] == 7
    assert group.fleet.status()["isStable"] is False
    group.clock.advance(20)
    assert group.fleet.current_actions()["verifying"] == 7
    group.until_stable()
    assert sorted(group.zones().values()) == [2, 2, 3]
    first = group.fleet.managed_instances()[0]
    assert first["instance"].startswith(f"{BASE}/zones/zone-a/instances/web-")
    assert first["instanceStatus"] == "RUNNING" and first["currentAction"] == "NONE"
    assert first["instanceHealth"] == [
        {"healthCheck": "liveness", "detailedHealthState": "HEALTHY"}
    ]
    assert first["version"] == {"instanceTemplate": "one", "name": "stable"}
    assert len(set(group.fleet.members())) == 7


def test_a_smaller_group_keeps_its_balance(group: Group) -> None:
    group.fleet.resize(9)
    group.until_stable()
    group.fleet.resize(4)
    group.until_stable()
    assert sorted(group.zones().values()) == [1, 1, 2]
    with pytest.raises(ValueError, match="-1"):
        group.fleet.resize(-1)


def test_a_smaller_group_loses_first_what_does_not_serve(group: Group) -> None:
    before = set(group.fleet.members())
    group.fleet.resize(6)
    group.clock.advance(5)
    group.fleet.resize(3)
    group.until_stable()
    assert set(group.fleet.members()) == before


def test_a_rollout_replaces_all_and_serves_all_the_time(group: Group) -> None:
    before, since = set(group.fleet.members()), group.clock.now()
    group.update(version("two", "next"))
    group.clock.advance(1)
    assert group.fleet.status()["versionTarget"]["isReached"] is False
    group.until_stable()
    assert group.templates_in_use() == {"two": 3}
    assert not before & set(group.fleet.members())
    assert group.lowest_ready(since) == 3
    assert max(step.members for step in group.fleet.history) <= 6
    assert sorted(group.zones().values()) == [1, 1, 1]


def test_surge_is_the_most_that_is_above_the_target(group: Group) -> None:
    group.fleet.resize(9)
    group.until_stable()
    since = group.clock.now()
    group.update(version("two", "next"))
    group.until_stable()
    steps = [step for step in group.fleet.history if step.time >= since]
    assert max(step.members for step in steps) == 12
    assert min(step.ready for step in steps) == 9


def test_without_surge_no_more_than_allowed_are_missing(group: Group) -> None:
    group.fleet.resize(9)
    group.until_stable()
    since = group.clock.now()
    group.configure(
        updatePolicy={
            **MANAGER["updatePolicy"],
            "maxSurge": {"fixed": 0},
            "maxUnavailable": {"fixed": 3},
        }
    )
    group.update(version("two", "next"))
    group.until_stable()
    steps = [step for step in group.fleet.history if step.time >= since]
    assert group.templates_in_use() == {"two": 9}
    assert group.lowest_ready(since) == 6
    # One that leaves is still a member, until it is gone.
    assert max(step.members for step in steps) == 12


def test_recreating_in_place_keeps_the_names(group: Group) -> None:
    group.fleet.resize(9)
    group.until_stable()
    before, since = sorted(group.fleet.members()), group.clock.now()
    group.configure(
        updatePolicy={
            "type": "PROACTIVE",
            "replacementMethod": "RECREATE",
            "maxSurge": {"fixed": 0},
            "maxUnavailable": {"fixed": 3},
        }
    )
    group.update(version("two", "next"))
    group.until_stable()
    assert sorted(group.fleet.members()) == before
    assert group.templates_in_use() == {"two": 9}
    assert group.lowest_ready(since) == 6


@pytest.mark.parametrize(
    ("size", "expected"), [({"fixed": 1}, 1), ({"percent": 20}, 2), ({"percent": 25}, 3)]
)
def test_a_canary_is_so_many_and_no_more(size: dict[str, int], expected: int) -> None:
    group = Group(targetSize=10)
    group.until_stable()
    since = group.clock.now()
    group.update(version("one", "stable"), version("two", "canary", **size))
    group.until_stable()
    assert group.templates_in_use() == {"one": 10 - expected, "two": expected}
    group.clock.advance(600)
    assert group.templates_in_use() == {"one": 10 - expected, "two": expected}
    group.update(version("two", "canary"))
    group.until_stable()
    assert group.templates_in_use() == {"two": 10}
    assert group.lowest_ready(since) == 10


def test_a_canary_that_fails_costs_nothing_and_is_taken_back(group: Group) -> None:
    before, since = set(group.fleet.members()), group.clock.now()
    group.update(version("one", "stable"), version("bad", "canary", fixed=1))
    group.clock.advance(1200)
    assert group.fleet.status()["versionTarget"]["isReached"] is False
    assert before < set(group.fleet.members())
    group.update(version("one", "stable"))
    group.until_stable()
    assert set(group.fleet.members()) == before
    assert group.lowest_ready(since) == 3


def test_a_rollout_of_what_never_lives_stops_at_the_surge(group: Group) -> None:
    before = set(group.fleet.members())
    group.update(version("bad", "next"))
    group.clock.advance(3600)
    assert before < set(group.fleet.members())
    assert group.templates_in_use() == {"one": 3, "bad": 3}
    actions = group.fleet.current_actions()
    assert actions["recreating"] + actions["verifying"] == 3


def test_opportunistic_updates_wait_until_somebody_asks(group: Group) -> None:
    group.configure(updatePolicy={**MANAGER["updatePolicy"], "type": "OPPORTUNISTIC"})
    group.update(version("two", "next"))
    group.clock.advance(600)
    assert group.templates_in_use() == {"one": 3}
    group.fleet.apply_updates(group.fleet.members()[:2])
    group.clock.advance(300)
    assert group.templates_in_use() == {"one": 1, "two": 2}
    with pytest.raises(KeyError):
        group.fleet.apply_updates(["nobody"])


def test_an_update_that_is_more_disruptive_than_allowed_is_not_made(group: Group) -> None:
    group.configure(
        updatePolicy={
            "type": "PROACTIVE",
            "minimalAction": "REFRESH",
            "mostDisruptiveAllowedAction": "RESTART",
        }
    )
    group.update(version("two", "next"))
    group.clock.advance(600)
    assert group.templates_in_use() == {"one": 3}


def test_an_instance_whose_service_ends_is_recreated_after_the_failed_probes(group: Group) -> None:
    name, since = group.fleet.members()[0], group.clock.now()
    group.machines.fail(name)
    actions = list[tuple[float, str]]()
    while group.clock.now() < since + 300:
        group.clock.advance(1)
        found = {m["name"]: m["currentAction"] for m in group.fleet.managed_instances()}[name]
        if not actions or actions[-1][1] != found:
            actions.append((group.clock.now() - since, found))
    assert [action for _, action in actions] == ["NONE", "RECREATING", "VERIFYING", "NONE"]
    # Three probes, ten seconds apart, the first within ten.
    assert 20 <= actions[1][0] <= 31
    assert group.fleet.members()[0] == name


def test_a_slow_start_is_not_taken_for_an_illness() -> None:
    """Three probes fail long before the service is live; the initial delay holds the healer back."""
    group = Group()
    seen = set[str]()
    while not group.fleet.stable:
        group.clock.advance(1)
        seen |= {m["currentAction"] for m in group.fleet.managed_instances()}
        assert group.clock.now() < 600
    assert "RECREATING" not in seen
    short = Group(autoHealingPolicies=[{"healthCheck": "liveness", "initialDelaySec": 5}])
    short.clock.advance(55)
    assert short.fleet.current_actions()["recreating"] == 3


def test_an_image_that_dies_is_recreated_again_and_again() -> None:
    group = Group(versions=[version("dying", "next")])
    recreated = 0
    before = 0
    for _ in range(1200):
        group.clock.advance(1)
        now = group.fleet.current_actions()["recreating"]
        recreated += max(now - before, 0)
        before = now
    assert recreated > 6


def test_a_group_that_must_not_repair_does_not(group: Group) -> None:
    group.configure(instanceLifecyclePolicy={"defaultActionOnFailure": "DO_NOTHING"})
    group.machines.fail(group.fleet.members()[0])
    group.clock.advance(600)
    assert group.fleet.current_actions()["none"] == 3
    assert group.fleet.history[-1].healthy == 2


@pytest.mark.parametrize(("force", "expected"), [("YES", "two"), ("NO", "one")])
def test_a_repair_updates_only_when_it_is_told_to(group: Group, force: str, expected: str) -> None:
    group.configure(
        updatePolicy={**MANAGER["updatePolicy"], "type": "OPPORTUNISTIC"},
        instanceLifecyclePolicy={"forceUpdateOnRepair": force},
    )
    group.update(version("two", "next"))
    name = group.fleet.members()[1]
    group.machines.fail(name)
    group.clock.advance(300)
    found = {m["name"]: m["version"]["instanceTemplate"] for m in group.fleet.managed_instances()}
    assert found[name] == expected


def test_a_lost_zone_refuses_instances_and_others_take_new_ones(group: Group) -> None:
    group.machines.lose_zone("zone-a")
    group.clock.advance(60)
    assert group.fleet.history[-1].ready == 2
    lost = next(m for m in group.fleet.managed_instances() if "zone-a" in m["instance"])
    assert lost["currentAction"] == "RECREATING"
    assert lost["lastAttempt"]["errors"]["errors"][0]["code"] == "ZONE_RESOURCE_POOL_EXHAUSTED"
    group.fleet.resize(7)
    group.clock.advance(120)
    assert group.zones() == {"zone-a": 1, "zone-b": 3, "zone-c": 3}
    assert group.fleet.history[-1].ready == 6
    group.machines.restore_zone("zone-a")
    group.clock.advance(1500)
    assert sorted(group.zones().values()) == [2, 2, 3]
    assert group.fleet.history[-1].ready == 7


def test_no_instance_is_moved_to_a_zone_that_takes_none(group: Group) -> None:
    group.machines.lose_zone("zone-a")
    group.clock.advance(60)
    group.fleet.resize(5)
    group.until_members_serve(4)
    group.fleet.resize(4)
    group.until_stable()
    before = group.fleet.members()
    group.clock.advance(3 * 3600)
    assert group.fleet.members() == before
    assert group.zones() == {"zone-b": 2, "zone-c": 2}


def test_a_check_of_readiness_is_another_one_than_of_life() -> None:
    """A service that lives and is never ready."""
    for path, action in (("/livez", "none"), ("/readyz", "recreating")):
        group = Group(versions=[version("unready", "next")], path=path)
        seen = set[str]()
        for _ in range(400):
            group.clock.advance(1)
            seen |= {name for name, number in group.fleet.current_actions().items() if number}
        assert action in seen
        assert (action == "none") != ("recreating" in seen)
        assert group.fleet.history[-1].ready == 0


def test_a_deleted_group_leaves_nothing(group: Group) -> None:
    group.fleet.delete()
    assert group.fleet.current_actions()["deleting"] == 3
    group.clock.advance(60)
    assert group.fleet.members() == group.machines.names() == []
    assert group.fleet.deleted


def test_instances_go_and_come_by_name(group: Group) -> None:
    first, second, _ = group.fleet.members()
    group.fleet.delete_instances([first])
    group.fleet.recreate_instances([second])
    group.until_stable()
    assert group.fleet.target_size == 2
    assert first not in group.fleet.members() and second in group.fleet.members()


@pytest.mark.parametrize(
    ("update", "size", "sentence"),
    [
        ({"maxSurge": {"fixed": 0}, "maxUnavailable": {"fixed": 0}}, 3, "at least one of"),
        ({"maxSurge": {"percent": 20}}, 9, "needs a group of at least 10"),
        ({"maxSurge": {"fixed": 2}}, 9, "at least the number of zones, 3"),
        ({"maxSurge": {"fixed": 3}, "replacementMethod": "RECREATE"}, 9, "maxSurge must be 0"),
        (
            {"minimalAction": "REPLACE", "mostDisruptiveAllowedAction": "REFRESH"},
            3,
            "minimalAction",
        ),
    ],
)
def test_what_google_refuses_is_named(update: dict[str, Any], size: int, sentence: str) -> None:
    wrong = policy.check({**MANAGER, "targetSize": size, "updatePolicy": update})
    assert len(wrong) == 1 and sentence in wrong[0]


def test_versions_that_do_not_add_up_are_named() -> None:
    two = [version("one", "stable"), version("two", "canary")]
    assert policy.check({**MANAGER, "versions": two}) == [
        "exactly one version must leave out targetSize"
    ]
    assert policy.check(MANAGER) == []
    assert (
        policy.check({**MANAGER, "targetSize": 10, "updatePolicy": {"maxSurge": {"percent": 20}}})
        == []
    )
