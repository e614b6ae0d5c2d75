"""What a managed instance group's settings mean in numbers: surge, versions, zones."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

Resource = dict[str, Any]
PERCENT_FROM = 10  # VMs; smaller groups take fixed numbers only
DISRUPTION = ("NONE", "REFRESH", "RESTART", "REPLACE")


def fixed_or_percent(value: Resource | None, of: int, default: int) -> int:
    """Google's FixedOrPercent as a number of VMs; a remainder is rounded, a half upwards."""
    if value is None or not {"fixed", "percent"} & set(value):
        return default
    if "fixed" in value:
        return int(value["fixed"])
    return int(of * int(value["percent"]) / 100 + 0.5)


@dataclass(frozen=True, order=True)
class Version:
    """One of the group's versions. An instance is up to date when both agree."""

    template: str
    name: str = ""


@dataclass(frozen=True)
class UpdatePolicy:
    """The resource's updatePolicy with Google's defaults filled in."""

    proactive: bool
    surge: int
    unavailable: int
    recreate: bool  # in place, under the same name
    replaces: bool  # whether a new template may replace instances
    redistributes: bool

    @classmethod
    def of(cls, manager: Resource, target: int) -> "UpdatePolicy":
        policy = manager.get("updatePolicy", {})
        zones = len(zones_of(manager))
        allowed = policy.get("mostDisruptiveAllowedAction", "REPLACE")
        return cls(
            proactive=policy.get("type", "OPPORTUNISTIC") == "PROACTIVE",
            surge=fixed_or_percent(policy.get("maxSurge"), target, zones),
            unavailable=fixed_or_percent(policy.get("maxUnavailable"), target, zones),
            recreate=policy.get("replacementMethod", "SUBSTITUTE") == "RECREATE",
            replaces=allowed == "REPLACE",
            redistributes=policy.get("instanceRedistributionType", "PROACTIVE") == "PROACTIVE",
        )


def zones_of(manager: Resource) -> list[str]:
    """The names of the zones that the group spreads over."""
    zones = manager.get("distributionPolicy", {}).get("zones", [])
    return [str(entry["zone"]).rsplit("/", 1)[-1] for entry in zones]


def versions_of(manager: Resource) -> list[tuple[Version, Resource | None]]:
    """The versions with their target sizes; `versions` goes before `instanceTemplate`."""
    entries = manager.get("versions") or [{"instanceTemplate": manager["instanceTemplate"]}]
    return [
        (Version(entry["instanceTemplate"], entry.get("name", "")), entry.get("targetSize"))
        for entry in entries
    ]


def goals(manager: Resource, target: int) -> dict[Version, int]:
    """How many instances each version is to have; the one without a target size takes the rest."""
    wanted: dict[Version, int] = {}
    rest: Version | None = None
    left = target
    for version, size in versions_of(manager):
        if size is None:
            rest = version
            continue
        wanted[version] = min(fixed_or_percent(size, target, 0), left)
        left -= wanted[version]
    if rest is not None:
        wanted[rest] = wanted.get(rest, 0) + left
    return wanted


def check(manager: Resource) -> list[str]:
    """What Google refuses in these settings, one sentence each; an empty list when nothing is wrong."""
    target = int(manager.get("targetSize", 0))
    found = check_versions(manager)
    policy = manager.get("updatePolicy", {})
    if policy:
        found += check_update(policy, target, max(len(zones_of(manager)), 1))
    for healing in manager.get("autoHealingPolicies", []):
        if not 0 <= int(healing.get("initialDelaySec", 0)) <= 3600:
            found.append("autoHealingPolicies[].initialDelaySec must be between 0 and 3600")
    return found


def check_versions(manager: Resource) -> list[str]:
    versions = manager.get("versions", [])
    if not versions and not manager.get("instanceTemplate"):
        return ["either versions or instanceTemplate must be given"]
    found = []
    if versions and sum("targetSize" not in version for version in versions) != 1:
        found.append("exactly one version must leave out targetSize")
    names = Counter(version.get("name", "") for version in versions)
    if any(number > 1 for number in names.values()):
        found.append("the names of the versions must differ")
    return found


def check_update(policy: Resource, target: int, zones: int) -> list[str]:
    found = []
    for key in ("maxSurge", "maxUnavailable"):
        value = policy.get(key)
        if value is None:
            continue
        if "fixed" in value and "percent" in value:
            found.append(f"updatePolicy.{key} is either fixed or percent")
        if "percent" in value and target < PERCENT_FROM:
            found.append(f"updatePolicy.{key}.percent needs a group of at least {PERCENT_FROM} VMs")
        if "fixed" in value and 0 < int(value["fixed"]) < zones:
            found.append(
                f"updatePolicy.{key}.fixed must be 0 or at least the number of zones, {zones}"
            )
    surge = fixed_or_percent(policy.get("maxSurge"), target, zones)
    if surge == 0 and fixed_or_percent(policy.get("maxUnavailable"), target, zones) == 0:
        found.append("at least one of maxSurge and maxUnavailable must be greater than 0")
    if policy.get("replacementMethod") == "RECREATE" and surge > 0:
        found.append("with replacementMethod RECREATE, maxSurge must be 0")
    minimal = policy.get("minimalAction", "REPLACE")
    allowed = policy.get("mostDisruptiveAllowedAction", "REPLACE")
    if DISRUPTION.index(minimal) > DISRUPTION.index(allowed):
        found.append("minimalAction is more disruptive than mostDisruptiveAllowedAction")
    return found
