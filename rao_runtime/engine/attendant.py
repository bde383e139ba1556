"""Looks after the replicas: warms up those that start, finds those that answer and yet hang, tries what failed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from rao_runtime.core.errors import FailureKind, ModelError
from rao_runtime.core.ledger import Purpose
from rao_runtime.core.progress import STALLED_S
from rao_runtime.core.usage import Tokens
from rao_runtime.engine.pool import Pool
from rao_runtime.engine.pressure import Pressure
from rao_runtime.engine.prompt import Prompt
from rao_runtime.engine.replica import Opening, Replica
from rao_runtime.engine.upkeep import UpkeepCall
from rao_runtime.ports import Clock, Message, Model, ModelRequest, ServedModel, Traits, Vitals

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
LOOK_TIMEOUT_S = 5.0
# Calls at a replica that is down are given up after as long without an answer as a hang takes to be suspected.
SILENT_S = STALLED_S
# The first call of a fresh replica may compile what it needs.
TIMEOUTS_S = {Purpose.PRIME: 120.0, Purpose.CANARY: 5.0}
# Failures of a look that tell of the replica itself, and not only of the page it was asked for.
SILENCE = frozenset({FailureKind.UNREACHABLE, FailureKind.TIMEOUT})
# Failures at which a replica has not begun to work.
IDLE = frozenset({FailureKind.REJECTED, FailureKind.BUSY, FailureKind.SERVER, FailureKind.UNREACHABLE})
# Before all others at a replica: a canary that queues tells nothing.
FIRST = -(2**31)
PING = (Message("user", "ping"),)

T = TypeVar("T")
Opener = Callable[[str], Prompt]


class Attendant:
    """`opening` gives what most prompts to a model begin with: a replica reads it before it gets any call.

    `caps_trees` lets fewer trees send calls while the replicas' KV caches are pressed. `books` is told of each call
    that a replica may have worked on.
    """

    def __init__(
        self,
        pool: Pool,
        clock: Clock,
        *,
        opening: Opener | None = None,
        caps_trees: bool = True,
        books: Callable[[UpkeepCall], None] | None = None,
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._opening = opening
        self._caps_trees = caps_trees
        self._books = books
        self._pressure = Pressure()
        self._calls = 0

    async def watch(self) -> None:
        """Look after all replicas of the pool, those to come as well, for ever."""
        attended = set[int]()
        async with asyncio.TaskGroup() as group:
            if self._caps_trees:
                group.create_task(self._weigh(), name="kv-pressure")
            while True:
                for replica in self._pool.roster.unclosed:
                    if replica.index not in attended:
                        attended.add(replica.index)
                        group.create_task(self._attend(replica), name=f"attend-{replica.name}")
                self._pool.roster.joined.clear()
                await self._pool.roster.joined.wait()

    async def _weigh(self) -> None:
        while True:
            await self._clock.sleep(LOOK_EVERY_S)
            pool, now = self._pool, self._clock.now()
            try:
                pool.limit_trees(self._pressure.limit(pool.roster.replicas, pool.active_trees, now))
            except Exception:
                # What one replica tells must not end the care for all of them.
                log.exception("the pressure on the KV caches could not be reckoned")

    async def _attend(self, replica: Replica) -> None:
        while not replica.gone:
            try:
                await (self._look(replica) if replica.down is None and replica.served else self._bring_up(replica))
            except Exception:
                # The boundary of one replica's care: whatever is wrong with it, it is looked at again.
                log.exception("replica %s could not be looked at", replica.name)
            await self._clock.sleep(LOOK_EVERY_S)
        try:
            await self._pool.roster.close(replica)
        except Exception:
            log.exception("the connections of replica %s could not be closed", replica.name)

    async def _bring_up(self, replica: Replica) -> None:
        begun = self._clock.now()
        try:
            served = await _told("its models", replica.model.served())
            traits, vitals = await _traits(replica.model), await _vitals(replica.model)
        except ModelError as error:
            self._silent(replica, begun, str(error))
            return
        if replica.down is None and not served:
            # It is up for nothing, as one that still loads its model may be: asked again, and not worth a word.
            replica.vitals = vitals
            return
        replica.silent_since = None
        # One that was taken out, and hangs since, would keep its calls until their own patience is over.
        hangs = bool(replica.leases) and self._stands_still(replica, vitals)
        anew = _is_anew(replica.vitals, vitals)
        if not await self._has_called(replica, served, hangs=hangs, anew=anew):
            return
        if traits != replica.traits:
            for sentence in traits.missing:
                log.warning("replica %s: %s", replica.name, sentence)
        self._pool.roster.up(replica, served, traits, anew=anew)
        replica.vitals = vitals

    def _silent(self, replica: Replica, begun: float, why: str) -> None:
        """It has answered nothing since `begun`, or before that; its calls go elsewhere when that lasts."""
        self._pool.roster.down(replica, why)
        if replica.silent_since is None:
            replica.silent_since = begun
        if self._clock.now() - replica.silent_since >= SILENT_S:
            self._pool.roster.revoke(replica, why)

    async def _has_called(self, replica: Replica, served: Sequence[ServedModel], *, hangs: bool, anew: bool) -> bool:
        """Whether it has written a token, or need not; `hangs`: one that writes none loses its calls."""
        breaker, on_trial = replica.breaker, replica.on_trial or replica.breaker.is_open
        if not served or not (on_trial or self._opening is not None):
            return True
        if breaker.is_open and not hangs and not breaker.wants_trial(self._clock.now()):
            return False
        try:
            await self._call(replica, served, Purpose.PRIME if anew or not on_trial else Purpose.CANARY)
        except (ModelError, TimeoutError) as error:
            why = str(error) or "it writes nothing"
            self._pool.roster.down(replica, why)
            if hangs:
                self._pool.roster.revoke(replica, f"it hangs: {why}")
                replica.progress.reset()
            # One that breaks every stream is paid for each of them: it is asked less and less, too.
            breaker.trial(ok=False, now=self._clock.now())
            return False
        breaker.trial(ok=True, now=self._clock.now())
        return True

    async def _look(self, replica: Replica) -> None:
        suspect = await self._is_suspect(replica)
        if replica.down is not None or not suspect or not replica.served:
            return
        try:
            await self._call(replica, replica.served, Purpose.CANARY)
        except (ModelError, TimeoutError) as error:
            why = str(error) or f"no token in {TIMEOUTS_S[Purpose.CANARY]:g} s"
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
                # What it told last stays: once it is back, that shows whether it has started again.
                return False
            vitals = Vitals()
        replica.vitals = vitals
        return self._stands_still(replica, vitals)

    def _stands_still(self, replica: Replica, vitals: Vitals) -> bool:
        return replica.progress.observe(
            self._clock.now(),
            running=vitals.running,
            generated_tokens=vitals.generated_tokens,
            prompt_tokens=vitals.prompt_tokens,
            own_in_flight=replica.load.in_flight,
        )

    async def _call(self, replica: Replica, served: Sequence[ServedModel], purpose: Purpose) -> None:
        """Have it write one token. Raises ModelError and TimeoutError; a refusal or a pause is an answer, too."""
        model = served[0].id
        prompt = None if self._opening is None else self._opening(model)
        replica.opening = None
        self._calls += 1
        request = ModelRequest(
            request_id=f"upkeep-{replica.id}-{self._calls}",
            model=model,
            messages=PING if prompt is None else prompt.messages,
            max_tokens=1,
            temperature=0.0,
            priority=FIRST,
        )
        tokens: Tokens | None = None
        begun, finished, worked = self._clock.now(), False, True
        try:
            async with asyncio.timeout(TIMEOUTS_S[purpose]):
                async for item in replica.model.stream(request):
                    tokens = item.tokens or tokens
            finished = True
            if prompt is not None:
                replica.opening = Opening(prompt.key(), None if tokens is None else tokens.input)
        except ModelError as error:
            worked = tokens is not None or error.kind not in IDLE
            if error.kind not in {FailureKind.REJECTED, FailureKind.BUSY}:
                raise
        finally:
            if worked and self._books is not None:
                took_s = self._clock.now() - begun
                self._books(
                    UpkeepCall(purpose=purpose, request=request, tokens=tokens, finished=finished, took_s=took_s)
                )


async def _told(what: str, look: Awaitable[T]) -> T:
    """What a look gives. Raises ModelError, in words that name what was asked for."""
    try:
        async with asyncio.timeout(LOOK_TIMEOUT_S):
            return await look
    except TimeoutError as error:
        raise ModelError(FailureKind.TIMEOUT, f"it does not tell {what} within {LOOK_TIMEOUT_S:g} s") from error
    except ModelError as error:
        raise ModelError(error.kind, f"it does not tell {what}: {error}", status=error.status) from error


async def _traits(model: Model) -> Traits:
    """What it tells of itself, which it need not: a server that refuses to answers calls all the same."""
    try:
        return await _told("its version and metrics", model.traits())
    except ModelError as error:
        if error.kind in SILENCE:
            raise
        sentence = str(error)
        return Traits(missing=(f"{sentence[0].upper()}{sentence[1:]}.",))


async def _vitals(model: Model) -> Vitals:
    try:
        return await _told("its metrics", model.vitals())
    except ModelError as error:
        if error.kind in SILENCE:
            raise
        return Vitals()


def _is_anew(before: Vitals, now: Vitals) -> bool:
    """Whether it seems to have started again, its cache empty; a counter that did not fall says it has not."""
    if before.generated_tokens is None or now.generated_tokens is None:
        return True
    return now.generated_tokens < before.generated_tokens
