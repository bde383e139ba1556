"""What the routes share for as long as the app lives."""

from dataclasses import dataclass, field

from rao_runtime.adapters.clock import SystemClock
from rao_runtime.config import Settings
from rao_runtime.engine.runtime import Runtime
from rao_runtime.ports import Clock
from server.drain import Drain


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamTimes:
    """`ping_s` between comments on a silent stream; `send_s` until a client that does not read is cut off."""

    ping_s: float = 15.0
    send_s: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """The open runtime, and the way out."""

    runtime: Runtime
    settings: Settings
    times: StreamTimes = StreamTimes()
    clock: Clock = field(default_factory=SystemClock)
    drain: Drain = field(default_factory=Drain)

    async def leave(self) -> None:
        """Take no more trees, tell everybody who waits."""
        self.drain.start()
        await self.runtime.drain()
