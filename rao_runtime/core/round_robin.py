"""One replica after the other, whatever they do: there to compare with."""

from collections.abc import Collection, Sequence

from rao_runtime.core.placement import Choice, PromptKey, ReplicaLoad, Unlearning, candidates


class RoundRobin(Unlearning):
    """The next replica by index after the one chosen last, of those with room."""

    def __init__(self) -> None:
        self._last = -1

    def choose(
        self,
        replicas: Sequence[ReplicaLoad],
        prompt: PromptKey,  # noqa: ARG002 - of the port; here any prompt goes anywhere
        now: float,
        avoid: Collection[int] = (),
        *,
        patient: bool = False,  # noqa: ARG002 - of the port; here every replica suits
    ) -> Choice | None:
        """See Placement."""
        open_to_it = candidates(replicas, now, avoid)
        if not open_to_it:
            return None
        self._last = min((replica.index for replica in open_to_it), key=lambda index: (index <= self._last, index))
        return Choice(self._last)
