"""CPU time of processes, finer than the ticks of /proc."""

import time


def cpu_seconds(pid: int) -> float:
    """Of a running process, all threads; OSError when there is none. The number of such a clock is what
    clock_getcpuclockid() makes of the process id."""
    return time.clock_gettime((~pid << 3) | 2)
