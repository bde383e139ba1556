"""For who writes tools: functions that agents can call from their code.

Register one under the entry-point group `rao.tools` of your package, install it beside the server, and tasks can name
it:

    [project.entry-points."rao.tools"]
    get_info = "my_package.shop:get_info"

The contract is in docs/tools.md.
"""

import asyncio
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

from rao_runtime.ports import Effects, ToolSpec

TIME_S = 30.0
CALLS = 10_000
STATE = "state"


class FunctionTool:
    """A function as a tool: `ports.Tool`. Made by `tool`, or of a plain function by the server."""

    def __init__(
        self, function: Callable[..., Any], *, effects: Effects, time_s: float = TIME_S, calls: int = CALLS
    ) -> None:
        signature = inspect.signature(function)
        self._function = function
        self._signature = signature.replace(parameters=[p for name, p in signature.parameters.items() if name != STATE])
        self._types = {name: TypeAdapter(_annotation(p)) for name, p in self._signature.parameters.items()}
        if (effects is Effects.TREE) != (STATE in signature.parameters):
            raise TypeError(f"{function.__name__}: a tool has a parameter `{STATE}` if, and only if, it keeps state")
        doc = inspect.getdoc(function) or ""
        self._spec = ToolSpec(
            name=function.__name__,
            description=" ".join(doc.split("\n\n")[0].split()),
            parameters=self._parameters(),
            effects=effects,
            time_s=time_s,
            calls=calls,
        )

    @property
    def spec(self) -> ToolSpec:
        """What it is."""
        return self._spec

    def bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments by name, as JSON. Raises TypeError or ValueError in words a model can act on."""
        try:
            bound = self._signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{self._spec.name}(): {error}") from None
        bound.apply_defaults()
        return {name: self._checked(name, value) for name, value in bound.arguments.items()}

    async def run(self, arguments: Mapping[str, Any], state: Any) -> tuple[Any, Any]:  # noqa: ANN401 - any JSON value
        """The result, and the state after it. Raises what the function raises."""
        given = {name: self._types[name].validate_python(value) for name, value in arguments.items()}
        if self._spec.effects is not Effects.TREE:
            return await self._call(given), None
        result, after = await self._call({**given, STATE: state})
        return result, after

    async def _call(self, given: Mapping[str, Any]) -> Any:  # noqa: ANN401 - whatever the function gives
        if inspect.iscoroutinefunction(self._function):
            return await self._function(**given)
        # A plain function may block: the server must not wait for it.
        return await asyncio.to_thread(self._function, **given)

    def _checked(self, name: str, value: object) -> Any:  # noqa: ANN401 - any JSON value
        adapter = self._types[name]
        try:
            return adapter.dump_python(adapter.validate_python(value), mode="json")
        except ValidationError as error:
            first = error.errors()[0]
            raise ValueError(f"{self._spec.name}(): {name}: {first['msg']}") from None

    def _parameters(self) -> dict[str, Any]:
        properties = dict[str, Any]()
        for name, parameter in self._signature.parameters.items():
            properties[name] = self._types[name].json_schema()
            if parameter.default is not inspect.Parameter.empty:
                properties[name]["default"] = parameter.default
        required = [n for n, p in self._signature.parameters.items() if p.default is inspect.Parameter.empty]
        return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def tool(
    *, effects: str = "none", time_s: float = TIME_S, calls: int = CALLS
) -> Callable[[Callable[..., Any]], FunctionTool]:
    """Make a function a tool. `effects` is `none`, `tree` or `outside`: see docs/tools.md.

    With `tree` the function takes `state` (None at first) and returns a pair: its result, and the state from then on,
    both JSON. A call may take `time_s` seconds, a tree may make `calls` of them.
    """
    return lambda function: FunctionTool(function, effects=Effects(effects), time_s=time_s, calls=calls)


def _annotation(parameter: inspect.Parameter) -> Any:  # noqa: ANN401 - whatever was annotated
    return Any if parameter.annotation is inspect.Parameter.empty else parameter.annotation
