"""How a task's tools are told to the model: as the calls its code can make."""

from collections.abc import Mapping, Sequence
from typing import Any

from rao_runtime.ports import Effects, ToolSpec

_HEAD = "# Tools of this task\n\nAwait every call. One that fails raises a RuntimeError that says why."
_SHARED = " (what it changes, all sub-agents of this task see)"


def tool_section(tools: Sequence[ToolSpec]) -> str | None:
    """The part of the system prompt that tells of these tools; None without any."""
    if not tools:
        return None
    lines = [
        f"- await {tool.name}({_parameters(tool.parameters)}): {tool.description}"
        f"{_SHARED if tool.effects is Effects.TREE else ''}"
        for tool in tools
    ]
    return "\n".join([_HEAD, "", *lines])


def _parameters(schema: Mapping[str, Any]) -> str:
    required, shared = set(schema.get("required", ())), schema.get("$defs", {})
    return ", ".join(
        f"{name}: {_type(each, shared)}"
        if name in required
        else f"{name}: {_type(each, shared)} = {each.get('default')!r}"
        for name, each in schema.get("properties", {}).items()
    )


def _type(schema: Mapping[str, Any], shared: Mapping[str, Any]) -> str:
    schema = shared.get(schema.get("$ref", "").removeprefix("#/$defs/"), schema)
    match schema.get("type"):
        case str() as name:
            return _PYTHON.get(name, name)
        case _:
            return " | ".join(_type(each, shared) for each in schema.get("anyOf", ())) or "object"


_PYTHON = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "array": "list",
    "object": "dict",
    "null": "None",
}
