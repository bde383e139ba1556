"""The process's link to Redis, shared by every adapter that keeps something there.

All commands travel over one connection: those issued in the same turn of the loop leave in one write, replies come back
in order. Every command sent through it can be repeated without harm, because it is made so: writes are scripts that
compare before they write, or set what is to be set. So whatever goes wrong (a lost reply included), the command is sent
again once Redis is well.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from rao_runtime.adapters import redis_trouble, redis_url
from rao_runtime.adapters.redis_keys import Keys
from rao_runtime.adapters.redis_scripts import Script
from rao_runtime.adapters.redis_trouble import Trouble
from rao_runtime.adapters.redis_wire import Arg, Disconnected, Refusal, Reply, Wire, connect, pack
from rao_runtime.core.errors import JournalUnavailable
from rao_runtime.ports import JournalHealth

log = logging.getLogger(__name__)

PROBE_S = 2.0
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 1.0
MAX_UNANSWERED_OFFERS = 1_000


class RedisLink:
    """Use as a context manager; it opens even where Redis cannot be reached, and then is not ready.

    `patience_s` is how long a call that is not patient waits for a Redis in trouble; also how long a reply may take.
    `server` names the process that answers: it differs after a restart or a fail-over, which may have lost writes.
    `on_reconnect` is called when there is a new connection.
    """

    def __init__(self, url: str, *, prefix: str = "rao", patience_s: float = 5.0) -> None:
        self.keys = Keys(prefix)
        self.address = redis_url.parse(url)
        self.server = ""
        self.on_reconnect = list[Callable[[], None]]()
        self._patience_s = patience_s
        self._look = asyncio.Event()
        # Not connected, as after a loss.
        self._wire = Wire(self._look.set)
        self._outgoing = list[tuple[bytes, asyncio.Future[Reply] | None]]()
        self._trouble: Trouble | None = Trouble("no connection to Redis yet")
        self._well = asyncio.Event()
        self._tried = asyncio.Event()
        self._tasks = list[asyncio.Task[None]]()

    async def __aenter__(self) -> Self:
        self._tasks = [
            asyncio.create_task(self._keep(), name="redis-link"),
            asyncio.create_task(self._watch_replies(), name="redis-replies"),
        ]
        await self._tried.wait()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        self._wire.abort()

    def __repr__(self) -> str:
        return f"RedisLink({self.address})"

    async def call(self, *command: Arg, patient: bool = False) -> Reply:
        """One command's reply, as bytes, int, list or None.

        While Redis is in trouble a patient call waits, any other raises JournalUnavailable after `patience_s`. Raises
        Refusal where Redis answers with an error that repeating would not mend.
        """
        return await self._send(pack(command), patient=patient)

    async def run(self, script: Script, keys: Sequence[str], args: Sequence[Arg], *, patient: bool = False) -> Reply:
        """A script's reply; otherwise as `call`. A Redis that does not know the script is given it."""
        try:
            return await self._send(pack(("EVALSHA", script.sha1, len(keys), *keys, *args)), patient=patient)
        except Refusal as refusal:
            if refusal.code != "NOSCRIPT":
                raise
        return await self._send(pack(("EVAL", script.text, len(keys), *keys, *args)), patient=patient)

    def offer(self, *command: Arg) -> bool:
        """Send a command of no consequence, reply unread; False where Redis is in trouble or far behind."""
        if self._trouble is not None or self._wire.unanswered > MAX_UNANSWERED_OFFERS:
            return False
        self._write(pack(command), None)
        return True

    def health(self) -> JournalHealth:
        """Whether Redis takes writes now, as of the last command or probe."""
        return JournalHealth("redis", self._trouble is None, None if self._trouble is None else str(self._trouble))

    async def _send(self, packed: bytes, *, patient: bool) -> Reply:
        try:
            return await self._attempt(packed)
        except Trouble as trouble:
            self._report(trouble)
        if patient:
            return await self._insist(packed)
        try:
            async with asyncio.timeout(self._patience_s):
                return await self._insist(packed)
        except TimeoutError:
            raise JournalUnavailable(str(self._trouble or "Redis does not answer in time")) from None

    async def _insist(self, packed: bytes) -> Reply:
        pause_s = FIRST_PAUSE_S
        while True:
            await self._well.wait()
            try:
                return await self._attempt(packed)
            except Trouble as trouble:
                self._report(trouble)
            # The probe may be well while this command is not (one slot of a Cluster, say): no tight loop then.
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    async def _attempt(self, packed: bytes) -> Reply:
        reply = asyncio.get_running_loop().create_future()
        self._write(packed, reply)
        try:
            answer = await reply
        except Disconnected as error:
            raise redis_trouble.of_connecting(self.address, error) from None
        if isinstance(answer, Refusal):
            raise redis_trouble.of_reply(answer) or answer
        return answer

    def _write(self, packed: bytes, reply: asyncio.Future[Reply] | None) -> None:
        if not self._outgoing:
            asyncio.get_running_loop().call_soon(self._flush)
        self._outgoing.append((packed, reply))

    def _flush(self) -> None:
        outgoing, self._outgoing = self._outgoing, []
        self._wire.write([packed for packed, _ in outgoing], [reply for _, reply in outgoing])

    async def _keep(self) -> None:
        """Connect, probe, and again: at leisure while all is well, with growing pauses while it is not."""
        pause_s = FIRST_PAUSE_S
        while True:
            self._look.clear()
            try:
                await self._open()
                # Adds nothing to a key that does not exist, and so makes none; refused wherever writes are.
                await self._attempt(pack(("SETRANGE", self.keys.probe, 0, "")))
            except Trouble as trouble:
                self._report(trouble)
                self._tried.set()
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
                continue
            except Refusal as refusal:
                log.debug("the probe of Redis was refused: %s", refusal)
            self._recover()
            self._tried.set()
            pause_s = FIRST_PAUSE_S
            await self._look_again()

    async def _look_again(self) -> None:
        try:
            async with asyncio.timeout(PROBE_S):
                await self._look.wait()
        except TimeoutError:
            return

    async def _open(self) -> None:
        if self._wire.is_open:
            return
        wire = Wire(self._look.set)
        try:
            await connect(self.address, wire, timeout_s=self._patience_s)
            # Before anybody uses the connection: who finds a tree gone must know whether the server is another.
            self.server = await _name_of_server(wire)
        except (OSError, ValueError, TimeoutError, Disconnected, Refusal) as error:
            raise redis_trouble.of_connecting(self.address, error) from None
        self._wire = wire
        for callback in self.on_reconnect:
            callback()

    async def _watch_replies(self) -> None:
        """Ends a connection on which something waits and nothing arrives: its commands are sent again on another."""
        heard = -1
        while True:
            await asyncio.sleep(self._patience_s / 2)
            wire = self._wire
            if wire.unanswered and wire.heard == heard:
                wire.abort()
            heard = wire.heard if wire.unanswered else -1

    def _report(self, trouble: Trouble) -> None:
        if self._trouble is None:
            log.warning("%s", trouble)
        self._trouble = trouble
        self._well.clear()
        self._look.set()

    def _recover(self) -> None:
        if self._trouble is not None and self._tried.is_set():
            log.warning("Redis at %s is well again", self.address)
        self._trouble = None
        self._well.set()


async def _name_of_server(wire: Wire) -> str:
    try:
        (info,) = await wire.greet([("INFO", "server")])
    except Refusal:
        return ""
    return next((line[7:].decode() for line in info.split() if line.startswith(b"run_id:")), "")
