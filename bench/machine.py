"""The machine that `bench/run` measures on: what it is, and whether something else was using it meanwhile."""

import os
import statistics
import time
from pathlib import Path

from servers import Failure, cpu_seconds, run


class Processors:
    """What the processors do besides this benchmark, so that a disturbed measurement says so."""

    def __init__(self):
        self.start = self.last = self.now()

    @staticmethod
    def now():
        """Seconds in total, of others, and taken by the hypervisor, over all cores since boot."""
        tick = os.sysconf("SC_CLK_TCK")
        ticks = first_line("/proc/stat", "cpu ", " ").split()
        user, nice, system, idle, wait, irq, soft_irq, steal, *_ = (int(count) / tick for count in ticks)
        busy = user + nice + system + irq + soft_irq
        return busy + idle + wait + steal, busy - cpu_seconds(), steal

    def lap(self):
        """The share that others took since the last call."""
        before, self.last = self.last, self.now()
        return share(self.last[1] - before[1], self.last[0] - before[0])

    def elsewhere(self):
        """The shares of the whole run in words; kernel threads count as others."""
        total, others, stolen = (end - start for start, end in zip(self.start, self.now()))
        others, stolen = share(others, total), share(stolen, total)
        return f"other work took {others:.0%} of the processors, the hypervisor {stolen:.0%}"


def share(part, total):
    """A share from 0 up; the kernel counts in ticks, so that differences can come out a little below."""
    return max(0.0, part / total) if total else 0.0


def first_line(path, prefix, separator=":"):
    """What follows the separator in the first line of a /proc file that starts like this."""
    lines = (line for line in Path(path).read_text().splitlines() if line.startswith(prefix))
    return next(lines, f"{separator}unknown").split(separator, 1)[1].strip()


def sync_ms(directory):
    """Median time of appending 4 KiB and syncing it: what any durable server on this disk pays for one write."""
    times = []
    with open(directory / "sync", "wb", buffering=0) as file:
        for _ in range(200):
            file.write(bytes(4096))
            began = time.monotonic()
            os.fdatasync(file.fileno())
            times.append((time.monotonic() - began) * 1000)
    return statistics.median(times)


def describe(directory):
    """Says in parts what this machine is; refuses a directory whose file system is memory."""
    memory_gb = int(first_line("/proc/meminfo", "MemTotal").split()[0]) * 1024 / 1e9
    device, kind = run(["df", "--output=source,fstype", directory]).splitlines()[1].split()
    if kind in ("tmpfs", "ramfs"):
        raise Failure(f"{directory} is on {kind}, where syncing costs nothing; set CARGO_TARGET_DIR to a disk")
    return [
        f"Machine: {first_line('/proc/cpuinfo', 'model name')}, {os.cpu_count()} cores, {memory_gb:.1f} GB memory",
        f"Linux {os.uname().release}, {kind} on {device}",
        f"4 KiB append and fdatasync {sync_ms(directory):.2f} ms",
    ]
