"""What a PromQL expression asks for: metrics, and the labels of each that it names."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import promql_parser
from promql_parser import AggregateExpr, BinaryExpr, Call, Expr, ParenExpr, SubqueryExpr, UnaryExpr, VectorSelector

# What Grafana fills in.
INTERVALS = {"$__rate_interval": "1m", "$__interval": "15s", "$__range": "1h"}


@dataclass(frozen=True)
class Asked:
    """A metric in an expression, the labels that its selector or an aggregation around it names, and their values."""

    metric: str
    labels: frozenset[str]
    values: frozenset[tuple[str, str]] = field(default_factory=frozenset[tuple[str, str]])


def asked(expression: str) -> Sequence[Asked]:
    """Every metric that an expression names, patterns of names aside. Raises ValueError where it is no PromQL."""
    for name, value in INTERVALS.items():
        expression = expression.replace(name, value)
    return tuple(_asked(promql_parser.parse(expression), frozenset()))


def _asked(node: Expr, around: frozenset[str]) -> Iterator[Asked]:
    match node:
        case VectorSelector():
            yield from _selected(node, around)
        case promql_parser.MatrixSelector():
            yield from _selected(node.vector_selector, around)
        case AggregateExpr():
            named = frozenset(node.modifier.labels) if node.modifier else frozenset[str]()
            yield from _asked(node.expr, around | named)
        case BinaryExpr():
            yield from _asked(node.lhs, around)
            yield from _asked(node.rhs, around)
        case Call():
            for argument in node.args:
                yield from _asked(argument, around)
        case ParenExpr() | SubqueryExpr() | UnaryExpr():
            yield from _asked(node.expr, around)
        case _:  # a number or a text
            pass


def _selected(selector: VectorSelector, around: frozenset[str]) -> Iterator[Asked]:
    matchers = selector.matchers.matchers
    if selector.name is not None:
        labels = frozenset(matcher.name for matcher in matchers)
        values = frozenset((matcher.name, value) for matcher in matchers for value in matcher.value.split("|"))
        yield Asked(selector.name, around | labels, values)
