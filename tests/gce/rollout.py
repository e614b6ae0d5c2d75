"""Which instances to create, delete or recreate next. Nothing here changes anything."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from gce.members import Member
from gce.policy import UpdatePolicy, Version


@dataclass
class Plan:
    create: list[Version] = field(default_factory=list)
    delete: list[Member] = field(default_factory=list)
    recreate: list[tuple[Member, Version]] = field(default_factory=list)


def kept(members: Iterable[Member]) -> list[Member]:
    """Those that are not on their way out."""
    return [member for member in members if member.action != "DELETING"]


def missing(members: Iterable[Member], goals: dict[Version, int]) -> list[Version]:
    """The versions that lack instances, one entry for each that lacks."""
    have = Counter(member.version for member in members)
    return [version for version, goal in goals.items() for _ in range(goal - have[version])]


def outdated(members: list[Member], goals: dict[Version, int]) -> list[Member]:
    """Those above their version's goal, in the order in which they can go best: what does not serve first,
    then out of the fullest zone, the oldest first."""
    have = Counter(member.version for member in members)
    surplus = {version: have[version] - goals.get(version, 0) for version in have}
    found = []
    for member in in_order_of_leaving(members):
        if surplus[member.version] > 0:
            surplus[member.version] -= 1
            found.append(member)
    return found


def in_order_of_leaving(members: list[Member]) -> list[Member]:
    """Each time the next of the zone that is then the fullest; what does not serve goes first."""
    age = {member.name: place for place, member in enumerate(members)}
    filled = Counter(member.zone for member in members)
    left, order = list(members), []
    while left:
        best = min(left, key=lambda m: (m.available, -filled[m.zone], m.zone, age[m.name]))
        left.remove(best)
        filled[best.zone] -= 1
        order.append(best)
    return order


def uneven(members: list[Member], zones: list[str]) -> list[Member]:
    """One instance of the fullest of the usable zones, when it has two more than the emptiest."""
    filled = Counter({zone: 0 for zone in zones})
    filled.update(member.zone for member in members if member.zone in filled)
    if not filled or max(filled.values()) - min(filled.values()) < 2:
        return []
    fullest = max(filled, key=lambda zone: filled[zone])
    return [member for member in members if member.zone == fullest and member.available][:1]


def plan(
    members: list[Member],
    target: int,
    goals: dict[Version, int],
    policy: UpdatePolicy,
    moving: list[Member],
) -> Plan:
    """The next step on the way to `target` instances of the wanted versions.

    At most policy.surge instances are there above the target, and no instance that serves is taken out
    when that leaves fewer than target - policy.unavailable that do. `moving` are up to date, and are replaced
    all the same.
    """
    present = kept(members)
    if not moving and Counter(member.version for member in present) == Counter(goals):
        return Plan()
    staying = [member for member in present if member not in moving]
    updates = policy.proactive and policy.replaces and len(present) >= target
    old = moving + (outdated(staying, goals) if updates else [])
    if policy.recreate:
        return plan_in_place(present, target, goals, policy, old)
    result = Plan()
    above = max(len(members) - target, 0)  # those that leave are there until they are gone
    new = max(target - len(present), 0) + max(min(len(old), policy.surge) - above, 0)
    result.create = missing([m for m in present if m not in old], goals)[:new]
    result.delete = leaving(present, target, policy, old)
    return result


def leaving(
    present: list[Member], target: int, policy: UpdatePolicy, old: list[Member]
) -> list[Member]:
    """Whom to delete: what is too much, and old ones as far as enough others serve."""
    serving = sum(member.available for member in present)
    surplus = len(present) - target
    found: list[Member] = []
    for member in old:
        if surplus + policy.unavailable - len(found) <= 0:
            break
        if member.available and serving - 1 < target - policy.unavailable:
            continue
        serving -= member.available
        found.append(member)
    waiting = min(len(old) - len(found), policy.surge)  # they stay until their successors serve
    others = [member for member in in_order_of_leaving(present) if member not in old]
    return found + others[: max(surplus - len(found) - waiting, 0)]


def plan_in_place(
    present: list[Member],
    target: int,
    goals: dict[Version, int],
    policy: UpdatePolicy,
    old: list[Member],
) -> Plan:
    """Recreates under the same names; there is never more than the target."""
    result = Plan()
    lacking = missing(present, goals)
    result.create = lacking[: max(target - len(present), 0)]
    result.delete = in_order_of_leaving(present)[: max(len(present) - target, 0)]
    serving = sum(member.available for member in present)
    for member, version in zip(old, lacking):
        if member in result.delete or member.action == "RECREATING":
            continue
        if member.available:
            if serving - 1 < target - policy.unavailable:
                continue
            serving -= 1
        result.recreate.append((member, version))
    return result
