"""CPU time and memory of a process and all its descendants."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

# It brings no types.
psutil: Any = import_module("psutil")


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Sizes in sum. A page that processes share counts once in `pss_bytes` and in each of them in `rss_bytes`."""

    processes: int
    pss_bytes: int
    rss_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cpu:
    """CPU seconds since the start: of the process itself, and of all its descendants, ended ones included."""

    own_s: float
    children_s: float

    def __sub__(self, earlier: "Cpu") -> "Cpu":
        return Cpu(own_s=self.own_s - earlier.own_s, children_s=self.children_s - earlier.children_s)

    @property
    def total_s(self) -> float:
        """Both together."""
        return self.own_s + self.children_s


def cpu(pid: int) -> Cpu:
    """What a process and its descendants have used. Raises psutil.NoSuchProcess."""
    process = psutil.Process(pid)
    times = process.cpu_times()
    # A reaped child is counted in its parent's `children_*`, a living one on its own: nothing is lost or counted twice.
    children_s = times.children_user + times.children_system
    for child in process.children(recursive=True):
        children_s += _used_s(child.pid)
    return Cpu(own_s=times.user + times.system, children_s=children_s)


def memory(pid: int) -> Memory:
    """What a process and its living descendants hold now. Where the system knows no PSS, that is RSS."""
    process = psutil.Process(pid)
    pids = [pid, *(child.pid for child in process.children(recursive=True))]
    sizes = [size for each in pids if (size := _size(each)) is not None]
    return Memory(processes=len(sizes), pss_bytes=sum(pss for pss, _ in sizes), rss_bytes=sum(rss for _, rss in sizes))


def _used_s(pid: int) -> float:
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)


def _size(pid: int) -> tuple[int, int] | None:
    try:
        full = psutil.Process(pid).memory_full_info()
    except psutil.NoSuchProcess:
        return None
    return getattr(full, "pss", full.rss), full.rss
