"""What a scripted cell sees around it: built-ins, modules, clock, randomness. All of it is a function of its inputs."""

import asyncio
import builtins
import datetime as dt
import importlib
import random
import time
from collections.abc import Callable
from copy import deepcopy
from types import ModuleType
from typing import Any

from rao_runtime.adapters.sandbox_printed import Printed
from rao_runtime.adapters.sandbox_values import Failed
from rao_runtime.adapters.scripted_tasks import Pending
from rao_runtime.ports import FailedValue, Return

_MODULES = frozenset({"base64", "bisect", "collections", "copy", "dataclasses", "decimal", "functools", "hashlib"}) | {
    *("itertools", "json", "math", "re", "tomllib", "typing")
}
_ABSENT = frozenset({"breakpoint", "exit", "help", "input", "open", "quit"})
_DRAWS = ("choice", "choices", "gauss", "randint", "random", "randrange", "sample", "seed", "shuffle", "uniform")


class World:
    """The variables of a session and what its modules say."""

    def __init__(self, seed: int, *, gather: Callable[..., Pending], run: Callable[[Any], Any]) -> None:
        self.now = 0.0
        self.printed = Printed(0)
        self.failures: list[FailedValue] = []
        self._random = random.Random(seed)
        self._shims = {
            "asyncio": _module(asyncio, gather=gather, run=run, sleep=self._async_sleep),
            "time": self._time_module(),
            "random": _module(random, Random=random.Random, **{name: getattr(self._random, name) for name in _DRAWS}),
            "datetime": _datetime_module(lambda: self.now),
        }
        own = {"print": self._print, "__import__": self._import}
        inherited = {name: value for name, value in vars(builtins).items() if name not in _ABSENT}
        self.variables: dict[str, Any] = {
            "__builtins__": inherited | own,
            "__name__": "cell",
            "Failed": Failed,
            "_rao_show": self._show,
        }

    def saved(self) -> tuple[dict[str, Any], object]:
        """The variables and the random state, to be restored any number of times."""
        return _copied(self.variables), self._random.getstate()

    def restore(self, saved: tuple[dict[str, Any], Any]) -> None:
        """Back to what was saved. The dict stays the same one: functions of cells hold it as their globals."""
        variables, state = saved
        self.variables.clear()
        self.variables.update(_copied(variables))
        self._random.setstate(state)

    def note(self, answer: object) -> None:
        """Remember an answer that is a failure, to explain errors it leads to."""
        if isinstance(answer, Return) and isinstance(answer.value, FailedValue) and answer.value not in self.failures:
            self.failures = [*self.failures[-4:], answer.value]

    def _print(self, *values: object, sep: str | None = " ", end: str | None = "\n", **_: object) -> None:
        text = (" " if sep is None else sep).join(map(str, values)) + ("\n" if end is None else end)
        self.printed("stdout", text)

    def _show(self, value: object) -> None:
        if value is not None:
            self._print(repr(value))

    def _import(self, name: str, *_: object, **__: object) -> ModuleType:
        if name in self._shims:
            return self._shims[name]
        if name.partition(".")[0] not in _MODULES:
            raise ModuleNotFoundError(f"No module named '{name}'")
        return importlib.import_module(name)

    def _sleep(self, seconds: float) -> None:
        self.now += max(0.0, seconds)

    async def _async_sleep(self, seconds: float, result: object = None) -> object:
        self._sleep(seconds)
        return result

    def _time_module(self) -> ModuleType:
        def clock() -> float:
            return self.now

        return _module(time, time=clock, monotonic=clock, perf_counter=clock, sleep=self._sleep)


def _copied(variables: dict[str, Any]) -> dict[str, Any]:
    """Containers are copied to the bottom, where that is possible; everything else is shared."""
    memo: dict[int, Any] = {}
    copies: dict[str, Any] = {}
    for name, value in variables.items():
        try:
            plain = name != "__builtins__" and isinstance(value, list | dict | set)
            copies[name] = deepcopy(value, memo) if plain else value  # pyright: ignore[reportUnknownArgumentType] - a cell's
        except Exception:  # noqa: BLE001 - a container of things that cannot be copied, such as handles
            copies[name] = value
    return copies


def _module(like: ModuleType, **names: object) -> ModuleType:
    module = ModuleType(like.__name__)
    vars(module).update(names)
    return module


def _datetime_module(now: Callable[[], float]) -> ModuleType:
    class Moment(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> "Moment":
            moment = cls.fromtimestamp(now(), tz or dt.UTC)
            return moment if tz else moment.replace(tzinfo=None)

    class Day(dt.date):
        @classmethod
        def today(cls) -> "Day":
            moment = Moment.now()
            return cls(moment.year, moment.month, moment.day)

    # The repr of a subclass starts with its bare name: give it the one that the original shows.
    Moment.__name__, Day.__name__ = "datetime.datetime", "datetime.date"
    return _module(dt, datetime=Moment, date=Day, timedelta=dt.timedelta, timezone=dt.timezone, UTC=dt.UTC)
