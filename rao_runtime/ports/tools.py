"""What agents can call besides Python: functions that an operator registers on the server."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol


class Effects(StrEnum):
    """What a call changes: nothing, the tool's own state within the tree, or the world outside."""

    NONE = "none"
    TREE = "tree"
    OUTSIDE = "outside"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpec:
    """A tool as the API and models see it. `parameters` is the JSON Schema of its arguments.

    A call may take `time_s` seconds, a tree may make `calls` of them.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]
    effects: Effects
    time_s: float
    calls: int

    def as_dict(self) -> dict[str, Any]:
        """The wire form of api.md."""
        return {
            "name": self.name,
            "description": self.description,
            "parameters": dict(self.parameters),
            "effects": self.effects.value,
            "limits": {"time_s": self.time_s, "calls": self.calls},
        }


class Tool(Protocol):
    """One registered function. Behaves the same at any depth and for any caller."""

    @property
    def spec(self) -> ToolSpec:
        """What it is."""
        ...

    def bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments by name, as JSON. Raises TypeError or ValueError in words a model can act on."""
        ...

    async def run(self, arguments: Mapping[str, Any], state: Any) -> tuple[Any, Any]:  # noqa: ANN401 - any JSON value
        """The result, and the tool's state after it; `state` is None before the first call of a tree.

        Whatever it raises is the caller's to see.
        """
        ...


class Toolbox(Protocol):
    """The tools of this server."""

    def specs(self) -> Sequence[ToolSpec]:
        """All there are, by name."""
        ...

    def get(self, name: str) -> Tool | None:
        """The tool of that name, if there is one."""
        ...
