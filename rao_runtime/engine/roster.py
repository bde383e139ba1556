"""The replicas of a pool: which there are, and which of them may get calls."""

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence

from rao_runtime.core.placement import Placement, ReplicaLoad
from rao_runtime.engine.replica import Replica
from rao_runtime.ports import Model, ServedModel, Traits

log = logging.getLogger(__name__)


class Roster:
    """Replicas come and go while the pool works. `changed` is told of the models whose replicas have changed.

    `joined` is set whenever there is a new one to look after.
    """

    def __init__(
        self, models: Sequence[Model], *, slots: int, placement: Placement, changed: Callable[[Collection[str]], None]
    ) -> None:
        self._slots = slots
        self._placement = placement
        self._changed = changed
        self._replicas = dict[int, Replica]()
        self._retired = dict[int, Replica]()
        self._added = 0
        self._answered = asyncio.Event()
        self.joined = asyncio.Event()
        for model in models:
            self.add(model)

    @property
    def replicas(self) -> Sequence[Replica]:
        """All of them, in the order they came."""
        return tuple(self._replicas.values())

    @property
    def unclosed(self) -> Sequence[Replica]:
        """All of them, and those that are gone and have connections yet."""
        return (*self._replicas.values(), *self._retired.values())

    def __getitem__(self, index: int) -> Replica:
        return self._replicas[index]

    def add(self, model: Model, *, slots: int | None = None, managed: bool = False) -> Replica:
        """Take a replica in. It gets calls once it is `up`."""
        load = ReplicaLoad(index=self._added, slots=slots or self._slots, healthy=False)
        self._added += 1
        replica = self._replicas[load.index] = Replica(model=model, load=load, managed=managed)
        self.joined.set()
        return replica

    def up(self, replica: Replica, served: Sequence[ServedModel], traits: Traits, *, anew: bool) -> None:
        """The replica answers, and serves these; `anew`: it holds nothing of what was sent to it before."""
        if replica.gone:
            return
        replica.served, replica.traits, replica.down, replica.on_trial = tuple(served), traits, None, False
        before, replica.model_ids = replica.model_ids, frozenset(model.id for model in served)
        replica.load.kv_tokens = traits.kv_tokens
        replica.silent_since = None
        replica.progress.reset()
        if anew:
            self._placement.forget(replica.index)
        opening, replica.opening = replica.opening, None
        if opening is not None:
            self._placement.has_read(replica.index, opening.prompt, opening.tokens, traits.kv_tokens)
        self._arrange(replica, before)
        log.info("replica %s is up, serving %s", replica.name, ", ".join(m.id for m in served))
        self._answered.set()

    def down(self, replica: Replica, why: str) -> None:
        """The replica cannot be reached: no calls until it is `up` again."""
        if replica.gone:
            return
        if replica.down is None:
            log.warning("replica %s is down: %s", replica.name, why)
        replica.down = why
        self._arrange(replica)

    def take_out(self, replica: Replica, why: str, *, revoke: bool) -> bool:
        """Do without a replica that answers and yet does not work; `revoke` takes its calls elsewhere.

        False where it stays, since it is the last that could serve one of its models.
        """
        if replica.down is None and any(not self._others(replica, model) for model in replica.model_ids):
            log.warning("replica %s stays in, it is the last one: %s", replica.name, why)
            return False
        self.down(replica, why)
        replica.on_trial = True
        if revoke:
            self.revoke(replica, why)
        return True

    def revoke(self, replica: Replica, why: str) -> None:
        """Take its calls elsewhere, those that another replica could serve now."""
        for lease in tuple(replica.leases.values()):
            if self._others(replica, lease.model):
                lease.revoke(why)

    def drain(self, replica: Replica) -> None:
        """Give it no more calls, and forget it once the last one has ended."""
        if not replica.draining:
            log.info("replica %s is drained, %d calls to go", replica.name, replica.load.in_flight)
        replica.draining = True
        self._arrange(replica)
        self.retire(replica)

    async def aclose(self) -> None:
        """Give the connections of all replicas back."""
        self._retired |= self._replicas
        self._replicas.clear()
        for replica in tuple(self._retired.values()):
            await self.close(replica)

    async def close(self, replica: Replica) -> None:
        """Give the connections of one that is gone back."""
        if self._retired.pop(replica.index, None) is not None:
            await replica.model.aclose()

    def retire(self, replica: Replica) -> None:
        """Forget a drained replica that has no call left."""
        if replica.draining and not replica.leases and not replica.gone:
            replica.gone = True
            self._retired[replica.index] = self._replicas.pop(replica.index)
            self._placement.forget(replica.index)
            self._arrange(replica)
            log.info("replica %s is gone", replica.name)
            self.joined.set()

    def _others(self, replica: Replica, model: str) -> bool:
        return any(
            other.is_open and model in other.model_ids for other in self._replicas.values() if other is not replica
        )

    def _arrange(self, replica: Replica, before: frozenset[str] = frozenset()) -> None:
        replica.settle_state()
        self._changed(replica.model_ids | before)

    # --- what is known ------------------------------------------------------------------------------------------------

    def loads(self, model: str) -> Sequence[ReplicaLoad]:
        """Of all that serve this model."""
        return [replica.load for replica in self._replicas.values() if model in replica.model_ids]

    def models(self) -> dict[str, int | None]:
        """Every model a replica has told of, with the smallest window told."""
        windows = dict[str, int | None]()
        for replica in self._replicas.values():
            for served in replica.served or ():
                known = windows.get(served.id)
                windows[served.id] = served.window if known is None else min(known, served.window or known)
        return windows

    def all_known(self) -> bool:
        """Whether every replica has told what it serves: an unknown model is then a mistake, not a late starter."""
        return bool(self._replicas) and all(replica.served is not None for replica in self._replicas.values())

    def serves(self, model: str) -> bool:
        """Whether a replica of this model is up."""
        return any(replica.is_open and model in replica.model_ids for replica in self._replicas.values())

    async def first_answer(self) -> None:
        """Wait until some replica has told what it serves."""
        while not self.models():
            self._answered.clear()
            await self._answered.wait()
