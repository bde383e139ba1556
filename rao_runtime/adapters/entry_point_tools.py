"""The tools that are installed beside the server, found by the entry-point group `rao.tools`."""

import builtins
import keyword
import logging
from collections.abc import Iterable, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Self

from rao_runtime.ports import CELL_FUNCTIONS, Effects, Tool, ToolSpec
from rao_runtime.tools import FunctionTool

log = logging.getLogger(__name__)

GROUP = "rao.tools"
# What cells call already, or find in their REPL. A tool called `map` would be the `map` of every cell.
TAKEN = frozenset({*CELL_FUNCTIONS, *dir(builtins), "goal", "context", "Failed", "asyncio"})
# What the sandbox itself keeps in the REPL.
INTERNAL = "_rao_"


class EntryPointTools:
    """`ports.Toolbox` over these tools."""

    def __init__(self, tools: Iterable[Tool] = ()) -> None:
        self._tools = {tool.spec.name: tool for tool in sorted(tools, key=lambda tool: tool.spec.name)}

    @classmethod
    def load(cls, entries: Iterable[EntryPoint] | None = None) -> Self:
        """Those of `entries`, or all that are installed.

        One that cannot be loaded is left out, and so is the second of a name; the log says why.
        """
        tools, origins = list[Tool](), dict[str, str]()
        for entry in entry_points(group=GROUP) if entries is None else entries:
            try:
                found = _tool(entry.name, entry.load())
            except Exception:
                # The boundary of somebody else's code: a broken tool must not keep the server from starting.
                log.exception("tool %s (%s) cannot be used", entry.name, entry.value)
                continue
            if entry.name in origins:
                log.error("tool %s (%s) is left out: %s has that name", entry.name, entry.value, origins[entry.name])
                continue
            origins[entry.name] = entry.value
            tools.append(found)
        return cls(tools)

    def specs(self) -> Sequence[ToolSpec]:
        """All there are, by name."""
        return [tool.spec for tool in self._tools.values()]

    def get(self, name: str) -> Tool | None:
        """The tool of that name, if there is one."""
        return self._tools.get(name)


def _tool(name: str, found: object) -> Tool:
    made = (
        found if isinstance(found, FunctionTool) or not callable(found) else FunctionTool(found, effects=Effects.NONE)
    )
    if not isinstance(made, FunctionTool):
        raise TypeError("it is neither a function nor made by `rao_runtime.tools.tool`")
    if made.spec.name != name:
        raise ValueError(f"its function is called {made.spec.name}: give the entry point that name")
    if not name.isidentifier() or keyword.iskeyword(name) or name in TAKEN or name.startswith(INTERNAL):
        raise ValueError("cells cannot call it by that name")
    return made
