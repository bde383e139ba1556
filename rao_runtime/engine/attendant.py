"""Looks after the replicas: warms up those that start, finds those that answer and yet hang, tries what failed."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from rao_runtime.core.errors import FailureKind, ModelError
from rao_runtime.engine.pool import Pool
from rao_runtime.engine.pressure import Pressure
from rao_runtime.engine.replica import Replica
from rao_runtime.ports import Clock, Message, ModelRequest, ServedModel, Vitals

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
LOOK_TIMEOUT_S = 5.0
CANARY_TIMEOUT_S = 5.0
# The first call of a fresh replica may compile what it needs.
PRIME_TIMEOUT_S = 120.0
# Before all others at a replica: a canary that queues tells nothing.
FIRST = -(2**31)
PING = (Message("user", "ping"),)

Opening = Callable[[str], Sequence[Message]]


class Attendant:
    """`opening` gives what most prompts to a model begin with: a replica reads it before it gets any call.

    `caps_trees` lets fewer trees send calls while the replicas' KV caches are pressed.
    """

    def __init__(self, pool: Pool, clock: Clock, *, opening: Opening | None = None, caps_trees: bool = True) -> None:
        self._pool = pool
        self._clock = clock
        self._opening = opening
        self._caps_trees = caps_trees
        self._pressure = Pressure()
        self._calls = 0

    async def watch(self) -> None:
        """Look after all replicas of the pool, those to come as well, for ever."""
        attended = set[int]()
        async with asyncio.TaskGroup() as group:
            if self._caps_trees:
                group.create_task(self._weigh(), name="kv-pressure")
            while True:
                for replica in self._pool.roster.replicas:
                    if replica.index not in attended:
                        attended.add(replica.index)
                        group.create_task(self._attend(replica), name=f"attend-{replica.name}")
                self._pool.roster.joined.clear()
                await self._pool.roster.joined.wait()

    async def _weigh(self) -> None:
        while True:
            await self._clock.sleep(LOOK_EVERY_S)
            pool, now = self._pool, self._clock.now()
            pool.limit_trees(self._pressure.limit(pool.roster.replicas, pool.active_trees, now))

    async def _attend(self, replica: Replica) -> None:
        while not replica.gone:
            try:
                await (self._look(replica) if replica.down is None else self._bring_up(replica))
            except Exception:
                # The boundary of one replica's care: whatever is wrong with it, it is looked at again.
                log.exception("replica %s could not be looked at", replica.name)
            await self._clock.sleep(LOOK_EVERY_S)
        await self._pool.roster.close_retired()

    async def _bring_up(self, replica: Replica) -> None:
        try:
            async with asyncio.timeout(LOOK_TIMEOUT_S):
                served, traits = await replica.model.served(), await replica.model.traits()
                vitals = await replica.model.vitals()
        except (ModelError, TimeoutError) as error:
            self._pool.roster.down(replica, str(error) or "it does not answer in time")
            return
        if not await self._has_called(replica, served):
            return
        if traits != replica.traits:
            for sentence in traits.missing:
                log.warning("replica %s: %s", replica.name, sentence)
        self._pool.roster.up(replica, served, traits, anew=_is_anew(replica.vitals, vitals))
        replica.vitals = vitals

    async def _has_called(self, replica: Replica, served: Sequence[ServedModel]) -> bool:
        """Whether it has written a token, or need not."""
        breaker, on_trial = replica.breaker, replica.on_trial or replica.breaker.is_open
        if not served or not (on_trial or self._opening is not None):
            return True
        if breaker.is_open and not breaker.wants_trial(self._clock.now()):
            return False
        try:
            await self._call(replica, served, CANARY_TIMEOUT_S if on_trial else PRIME_TIMEOUT_S)
        except (ModelError, TimeoutError) as error:
            self._pool.roster.down(replica, str(error) or "it writes nothing")
            breaker.trial(ok=False, now=self._clock.now())
            return False
        breaker.trial(ok=True, now=self._clock.now())
        return True

    async def _look(self, replica: Replica) -> None:
        suspect = await self._is_suspect(replica)
        if replica.down is not None or not suspect or not replica.served:
            return
        try:
            await self._call(replica, replica.served, CANARY_TIMEOUT_S)
        except (ModelError, TimeoutError) as error:
            why = str(error) or f"no token in {CANARY_TIMEOUT_S:g} s"
            self._pool.roster.take_out(replica, f"it hangs: {why}", revoke=True)
        replica.progress.reset()

    async def _is_suspect(self, replica: Replica) -> bool:
        """Whether it may hang; one that cannot be reached at all is taken for down."""
        try:
            async with asyncio.timeout(LOOK_TIMEOUT_S):
                vitals = await replica.model.vitals()
        except TimeoutError:
            return True
        except ModelError as error:
            if error.kind is FailureKind.TIMEOUT:
                return True
            if error.kind is FailureKind.UNREACHABLE:
                self._pool.roster.down(replica, str(error))
            vitals = Vitals()
        replica.vitals = vitals
        return replica.progress.observe(
            self._clock.now(),
            running=vitals.running,
            generated_tokens=vitals.generated_tokens,
            prompt_tokens=vitals.prompt_tokens,
            own_in_flight=replica.load.in_flight,
        )

    async def _call(self, replica: Replica, served: Sequence[ServedModel], timeout_s: float) -> None:
        """Have it write one token. Raises ModelError and TimeoutError; a refusal or a pause is an answer, too."""
        model = served[0].id
        self._calls += 1
        request = ModelRequest(
            request_id=f"upkeep-{replica.id}-{self._calls}",
            model=model,
            messages=tuple(PING if self._opening is None else self._opening(model)),
            max_tokens=1,
            temperature=0.0,
            priority=FIRST,
        )
        try:
            async with asyncio.timeout(timeout_s):
                async for _ in replica.model.stream(request):
                    pass
        except ModelError as error:
            if error.kind not in {FailureKind.REJECTED, FailureKind.BUSY}:
                raise


def _is_anew(before: Vitals, now: Vitals) -> bool:
    """Whether it seems to have started again, its cache empty; a counter that did not fall says it has not."""
    if before.generated_tokens is None or now.generated_tokens is None:
        return True
    return now.generated_tokens < before.generated_tokens
