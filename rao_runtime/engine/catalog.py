"""Which models there are: what the operator's profiles say, completed by what the replicas tell."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from rao_runtime.core.limits import Reason
from rao_runtime.core.profile import Profile
from rao_runtime.core.task import Task
from rao_runtime.core.view import amount
from rao_runtime.engine.node_spec import NodeFailure
from rao_runtime.engine.pool import Pool


class Catalog:
    """Finds the profile of a task's model. `profile_for` gives the operator's, or a default one for any model."""

    def __init__(self, pool: Pool, *, default_model: str | None, profile_for: Callable[[str], Profile]) -> None:
        self._pool = pool
        self._default_model = default_model
        self._profile_for = profile_for

    def known(self) -> Mapping[str, int | None]:
        """Every model some replica serves, with its window."""
        return self._pool.roster.models()

    def profile_now(self, model: str | None) -> Profile | None:
        """The profile of this model, or of the default one; None while no replica has told what it serves."""
        name = model or self._default()
        return None if name is None else self._complete(name)

    async def profile_of(self, task: Task) -> Profile | NodeFailure:
        """The profile a task runs under, as soon as a replica has told what it serves."""
        await self._pool.roster.first_answer()
        name = task.model or self._default()
        if name is None or (name not in self.known() and self._pool.roster.all_known()):
            served = ", ".join(sorted(self.known())) or "none"
            return NodeFailure(
                reason=Reason.MODEL_ERROR, message=f"no replica serves {name}; these are served: {served}"
            )
        profile = self._complete(name)
        if task.limits.max_cost is not None and profile.price is None:
            return NodeFailure(reason=Reason.COST, message=f"max_cost is set, and model {name} has no price")
        return profile

    def as_dicts(self) -> list[dict[str, Any]]:
        """All models for `GET /models`."""
        default = self._default()
        return [_as_dict(self._complete(name), is_default=name == default) for name in self.known()]

    def _default(self) -> str | None:
        return self._default_model or next(iter(self.known()), None)

    def _complete(self, model: str) -> Profile:
        profile = self._profile_for(model)
        return profile if profile.window is not None else replace(profile, window=self.known().get(model))


def _as_dict(profile: Profile, *, is_default: bool) -> dict[str, Any]:
    price = profile.price
    return {
        "id": profile.model,
        "default": is_default,
        "protocol": profile.protocol.value,
        "prompt": profile.prompt.value,
        "window": profile.window,
        "sampling": {
            "temperature": profile.sampling.temperature,
            "top_p": profile.sampling.top_p,
            "max_tokens": profile.sampling.max_tokens,
        },
        "price": None
        if price is None
        else {
            "currency": "USD",
            "per_million": {
                "input": amount(price.input),
                "cached_input": amount(price.cached_input),
                "output": amount(price.output),
            },
            "version": price.version,
        },
    }
