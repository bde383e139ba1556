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
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Any

from pydantic import TypeAdapter, ValidationError

from rao_runtime.core.values import to_json
from rao_runtime.ports import Effects, ToolSpec

TIME_S = 30.0
CALLS = 10_000
THREADS = 16
STATE = "state"

_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class FunctionTool:
    """A function as a tool: `ports.Tool`. Made by `tool`, or of a plain function by the server.

    Raises TypeError or ValueError for a function that no cell could call.
    """

    def __init__(
        self, function: Callable[..., Any], *, effects: Effects, time_s: float = TIME_S, calls: int = CALLS
    ) -> None:
        signature = _signature(function)
        self._function = function
        self._name = function.__name__
        # Of each tool its own, so that one whose calls hang holds up neither the server nor other tools.
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix=f"tool-{self._name}")
        self._signature = signature.replace(parameters=[p for name, p in signature.parameters.items() if name != STATE])
        self._types = {name: TypeAdapter(_annotation(p)) for name, p in self._signature.parameters.items()}
        if (effects is Effects.TREE) != (STATE in signature.parameters):
            raise TypeError(f"{self._name}: a tool has a parameter `{STATE}` if, and only if, it keeps state")
        doc = inspect.getdoc(function) or ""
        self._spec = ToolSpec(
            name=self._name,
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
            raise TypeError(f"{self._name}(): {error}") from None
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
        work = partial(copy_context().run, partial(_called, self._function, given))
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _checked(self, name: str, value: object) -> Any:  # noqa: ANN401 - any JSON value
        adapter = self._types[name]
        try:
            return adapter.dump_python(adapter.validate_python(value), mode="json")
        except ValidationError as error:
            first = error.errors()[0]
            raise ValueError(f"{self._name}(): {name}: {first['msg']}") from None

    def _parameters(self) -> dict[str, Any]:
        schemas, shared = TypeAdapter.json_schemas(
            [(name, "validation", adapter) for name, adapter in self._types.items()]
        )
        properties = {name: schemas[name, "validation"] for name in self._types}
        required = list[str]()
        for name, parameter in self._signature.parameters.items():
            if parameter.default is inspect.Parameter.empty:
                required.append(name)
            else:
                properties[name]["default"] = self._default(name, parameter.default)
        whole = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
        # What `$ref` names is looked for at the root.
        return whole | ({"$defs": shared["$defs"]} if "$defs" in shared else {})

    def _default(self, name: str, default: object) -> Any:  # noqa: ANN401 - any JSON value
        try:
            return to_json(self._checked(name, default), what=name)
        except ValueError as error:
            raise ValueError(f"its own default for `{name}` cannot be used: {error}") from None


def tool(
    *, effects: str = "none", time_s: float = TIME_S, calls: int = CALLS
) -> Callable[[Callable[..., Any]], FunctionTool]:
    """Make a function a tool. `effects` is `none`, `tree` or `outside`: see docs/tools.md.

    With `tree` the function takes `state` (None at first) and returns a pair: its result, and the state from then on,
    both JSON. A call may take `time_s` seconds, a tree may make `calls` of them.
    """
    return lambda function: FunctionTool(function, effects=Effects(effects), time_s=time_s, calls=calls)


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    """How a cell calls it. Raises TypeError for what has no name, and for types that cannot be found."""
    try:
        signature = inspect.signature(function, eval_str=True)
    except NameError as error:
        raise TypeError(f"{function.__name__}: its types must be there when it is loaded: {error}") from None
    for parameter in signature.parameters.values():
        if parameter.kind not in _BY_NAME:
            raise TypeError(
                f"{function.__name__}: `{parameter}` cannot be passed by name, and tools are called by name only: "
                "leave out `/`, `*args` and `**kwargs`"
            )
    return signature


def _called(function: Callable[..., Any], given: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return function(**given)
    except StopIteration as error:
        # No future can hold one: whoever awaits it would wait for ever.
        raise RuntimeError(f"{function.__name__}() raised StopIteration") from error


def _annotation(parameter: inspect.Parameter) -> Any:  # noqa: ANN401 - whatever was annotated
    return Any if parameter.annotation is inspect.Parameter.empty else parameter.annotation
