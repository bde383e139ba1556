"""How much work a JSON Schema can make of a value, from above. Knows keywords and references, checks no value.

A validator follows every branch of a schema, and its native stack ends without a Python exception: twenty lines of
`$ref` can keep it busy for hours, or end the process. So work and recursion are bounded before it is asked.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import unquote

from rao_runtime.core.values import JsonValue, shown

Object: TypeAlias = dict[str, JsonValue]

MAX_SCHEMAS = 2_000
MAX_PATTERNS = 200

# Keywords whose schemas judge the same place of a value as the schema they stand in.
_SAME = ("not", "if", "then", "else", "allOf", "anyOf", "oneOf", "dependentSchemas", "dependencies")
_REFERENCES = ("$ref", "$dynamicRef")
# Those that judge its parts, for objects and for arrays: a part meets one schema of the first, and all of the second.
_PARTS = (
    (("properties", "additionalProperties"), ("patternProperties", "propertyNames", "unevaluatedProperties")),
    (("prefixItems", "items"), ("contains", "unevaluatedItems")),
)
_MANY = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_NAMED = frozenset({"dependentSchemas", "dependencies", "properties", "patternProperties"})
_DATA = ("enum", "const", "required", "dependentRequired", "type")

# `if`, and everything beside an `unevaluated...`, is run again: up to 2.6 times per level, measured with jsonschema-rs.
_AGAIN = 3


@dataclass(slots=True)
class _Node:
    """One schema: its own weight, the schemas of the same place with how often they run, and those of parts."""

    weight: int
    same: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    parts: list[tuple[list[int], list[int]]] = field(default_factory=list[tuple[list[int], list[int]]])

    @property
    def leads_on(self) -> bool:
        """Whether it holds any schema at all."""
        return bool(self.same) or any(either or every for either, every in self.parts)


class Workload:
    """The bounds of one schema; `branches` tells whether it has `anyOf` or `oneOf`.

    Raises ValueError for references that leave the schema, find nothing or run in circles, and for too many parts.
    """

    def __init__(self, schema: Object) -> None:
        self._document = _Document(schema)
        self._numbers = dict[int, int]()
        self._schemas = list[Object]()
        self._nodes = list[_Node]()
        self._number(schema)
        for each in self._schemas:  # grows while it is walked
            self._nodes.append(self._node(each))
        self.branches = any("anyOf" in each or "oneOf" in each for each in self._schemas)
        self._order = _innermost_first(self._nodes)
        self._inner = [number for number in self._order if self._nodes[number].leads_on]
        self._levels = [self._level(None)]
        chains = [1] * len(self._nodes)
        for number in self._order:
            chains[number] = 1 + max((chains[other] for other, _ in self._nodes[number].same), default=0)
        self._chain = max(chains)

    def evaluations(self, depth: int, enough: int) -> int:
        """The most evaluations at any one place of a value `depth` levels deep; counting ends beyond `enough`."""
        most = self._levels[0][0]
        for level in range(1, depth + 1):
            if level == len(self._levels):
                self._levels.append(self._level(self._levels[-1]))
            most = max(most, self._levels[level][0])
            if most > enough or not any(self._levels[level]):
                break
        return most

    def recursion(self, depth: int) -> int:
        """How many schemas deep a validator can be in a value `depth` levels deep."""
        return self._chain * (depth + 1)

    def _level(self, above: Sequence[int] | None) -> list[int]:
        """For each schema the evaluations at a place that is one level deeper than those of `above`; None: its own."""
        counts = [0] * len(self._nodes)
        for number in self._order if above is None else self._inner:
            node = self._nodes[number]
            own = node.weight if above is None else max(_of_part(part, above) for part in node.parts)
            counts[number] = own + sum(times * counts[other] for other, times in node.same)
        return counts

    def _node(self, schema: Object) -> _Node:
        node = _Node(weight=1 + sum(_size(schema.get(keyword)) for keyword in _DATA))
        again = _AGAIN if "unevaluatedProperties" in schema or "unevaluatedItems" in schema else 1
        for keyword in _SAME:
            times = again * (_AGAIN if keyword == "if" else 1)
            node.same += [(number, times) for number in self._numbers_of(schema, (keyword,))]
        for keyword in _REFERENCES:
            if keyword in schema:
                node.same += [(number, again) for number in self._number(self._document.resolve(schema[keyword]))]
        for either, every in _PARTS:
            node.parts.append((self._numbers_of(schema, either), self._numbers_of(schema, every)))
        return node

    def _numbers_of(self, schema: Object, keywords: Sequence[str]) -> list[int]:
        return [number for keyword in keywords for each in _held(schema, keyword) for number in self._number(each)]

    def _number(self, schema: JsonValue) -> list[int]:
        """The node of a schema, made where it is new; none for `true` and `false`."""
        if not isinstance(schema, dict):
            return []
        if id(schema) not in self._numbers:
            if len(self._schemas) == MAX_SCHEMAS:
                raise ValueError(f"has more than {MAX_SCHEMAS} parts")
            self._numbers[id(schema)] = len(self._schemas)
            self._schemas.append(schema)
        return [self._numbers[id(schema)]]


class _Document:
    """The whole schema, as what references point into."""

    def __init__(self, root: Object) -> None:
        self._root = root
        self._anchors = dict[str, Object]()
        patterns = 0
        for each in _objects(root):
            if isinstance(each.get("$id"), str):
                raise ValueError("has an $id inside; references are taken within one schema only")
            for name in (each.get("$anchor"), each.get("$dynamicAnchor")):
                if isinstance(name, str):
                    self._anchors[name] = each
            patterns += isinstance(each.get("pattern"), str) + len(_held(each, "patternProperties"))
        if patterns > MAX_PATTERNS:
            raise ValueError(f"has more than {MAX_PATTERNS} patterns")

    def resolve(self, reference: JsonValue) -> JsonValue:
        """What a reference names. Raises ValueError."""
        if not isinstance(reference, str) or not reference.startswith("#"):
            raise ValueError(
                f"refers to {shown(reference)}; references are taken within the schema only, '#/$defs/...'"
            )
        fragment = unquote(reference[1:])
        found: JsonValue = self._root
        if fragment and not fragment.startswith("/"):
            found = self._anchors.get(fragment)
        for step in fragment.split("/")[1:] if fragment.startswith("/") else []:
            found = _step(found, step.replace("~1", "/").replace("~0", "~"))
        if not isinstance(found, dict | bool):
            raise ValueError(f"refers to {shown(reference)}, which it does not have")
        return found


def _step(value: JsonValue, step: str) -> JsonValue:
    if isinstance(value, dict):
        return value.get(step)
    if isinstance(value, list) and step.isdecimal() and len(step) < 10 and int(step) < len(value):
        return value[int(step)]
    return None


def _held(schema: Object, keyword: str) -> list[JsonValue]:
    """The schemas under a keyword."""
    if keyword not in schema:
        return []
    value = schema[keyword]
    if isinstance(value, list):
        return value if keyword in _MANY else []
    if isinstance(value, dict) and keyword in _NAMED:
        return list(value.values())
    return [value]


def _of_part(part: tuple[list[int], list[int]], above: Sequence[int]) -> int:
    either, every = part
    return max((above[number] for number in either), default=0) + sum(above[number] for number in every)


def _size(value: JsonValue) -> int:
    """How many values a keyword's data is made of."""
    size = 0
    unseen = [value]
    while unseen:
        each = unseen.pop()
        size += each is not None
        if isinstance(each, dict | list):
            unseen += each.values() if isinstance(each, dict) else each
    return size


def _objects(value: JsonValue) -> Iterator[Object]:
    unseen = [value]
    while unseen:
        each = unseen.pop()
        if isinstance(each, dict):
            yield each
            unseen += each.values()
        elif isinstance(each, list):
            unseen += each


def _innermost_first(nodes: Sequence[_Node]) -> list[int]:
    """The schemas in an order in which each follows all that judge the same place. Raises ValueError on a circle."""
    order = list[int]()
    left = [len(node.same) for node in nodes]
    users = [list[int]() for _ in nodes]
    for number, node in enumerate(nodes):
        for other, _ in node.same:
            users[other].append(number)
    ready = [number for number, count in enumerate(left) if count == 0]
    while ready:
        number = ready.pop()
        order.append(number)
        for user in users[number]:
            left[user] -= 1
            if left[user] == 0:
                ready.append(user)
    if len(order) < len(nodes):
        raise ValueError("refers to itself without going into a part of the value, so it would never end")
    return order
