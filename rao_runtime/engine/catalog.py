"""Which models there are: what the operator's profiles say, completed by what the replicas tell."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from rao_runtime.core.limits import Reason
from rao_runtime.core.pricing import Sheet
from rao_runtime.core.profile import Profile
from rao_runtime.core.task import Task
from rao_runtime.core.view import timestamp
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

    def profile_at(self, model: str | None, now: float) -> Profile | None:
        """The profile of this model, or of the default one, with the price sheet in force at that time (epoch s).

        None while no replica has told what it serves.
        """
        name = model or self._default()
        profile = None if name is None else self._complete(name)
        return None if profile is None else profile.priced(profile.price_at(now))

    async def profile_of(self, task: Task) -> Profile | NodeFailure:
        """The profile a task runs under, as soon as a replica has told what it serves."""
        await self._pool.roster.first_answer()
        name = task.model or self._default()
        if name is None or (name not in self.known() and self._pool.roster.all_known()):
            served = ", ".join(sorted(self.known())) or "none"
            return NodeFailure(
                reason=Reason.MODEL_ERROR, message=f"no replica serves {name}; these are served: {served}"
            )
        return self._complete(name)

    def as_dicts(self, now: float) -> list[dict[str, Any]]:
        """All models for `GET /models`, with the prices in force at that time (epoch s), and all there are."""
        default = self._default()
        return [_as_dict(self._complete(name), now, is_default=name == default) for name in self.known()]

    def _default(self) -> str | None:
        return self._default_model or next(iter(self.known()), None)

    def _complete(self, model: str) -> Profile:
        profile = self._profile_for(model)
        return profile if profile.window is not None else replace(profile, window=self.known().get(model))


def _as_dict(profile: Profile, now: float, *, is_default: bool) -> dict[str, Any]:
    price = profile.price_at(now)
    sheets = [sheet for sheet in (profile.price, *profile.prices) if sheet is not None]
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
        "price": None if price is None else _sheet(price),
        "prices": [_sheet(sheet) | {"from": timestamp(sheet.since)} for sheet in sheets],
    }


def _sheet(sheet: Sheet) -> dict[str, Any]:
    return {"currency": "USD"} | sheet.as_dict()
