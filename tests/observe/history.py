"""What a Prometheus knows of the hours before a test."""

import time

from observe.central import PROMETHEUS, Central
from support.waiting import eventually

DATA = "/var/lib/prometheus/metrics2"  # Debian's own
STEP_S = 60


def write_history(central: Central, series: str, value: float, hours: float) -> None:
    """A series that had this value all the time until now."""
    now = int(time.time())
    times = range(now - int(hours * 3600), now, STEP_S)
    name = series.partition("{")[0]
    lines = [f"# TYPE {name} gauge", *(f"{series} {value} {at}" for at in times), "# EOF", ""]
    central.host.run("sh", "-c", "cat >/tmp/history", stdin="\n".join(lines))
    central.host.shell(
        "systemctl stop prometheus.service"
        f" && promtool tsdb create-blocks-from openmetrics /tmp/history {DATA}"
        f" && chown --recursive prometheus: {DATA} && systemctl start prometheus.service"
    )
    ready = f"curl --silent http://127.0.0.1:{PROMETHEUS}/-/ready"
    eventually("it answers", lambda: "Ready" in central.host.shell(ready, check=False))
