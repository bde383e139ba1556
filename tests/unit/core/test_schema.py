import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_runtime.core.schema import Schema, compile_schema
from rao_runtime.core.schema_bounds import MAX_PATTERNS, MAX_SCHEMAS, Workload
from rao_runtime.core.values import JsonValue

TOO_LARGE = ["answer is too large or too deeply nested to be checked against its schema"]


def nested(levels: int, core: JsonValue) -> JsonValue:
    value = core
    for _ in range(levels):
        wrapped: list[JsonValue] = [value]
        value = wrapped
    return value


def many(item: JsonValue, count: int) -> list[JsonValue]:
    return [item] * count


def doubling(levels: int) -> dict[str, Any]:
    """Each definition asks for the one below twice, at the same place."""
    defs: dict[str, Any] = {"a0": {"type": "string"}}
    for level in range(1, levels):
        below = {"$ref": f"#/$defs/a{level - 1}"}
        defs[f"a{level}"] = {"allOf": [below, below]}
    return {"$defs": defs, "$ref": f"#/$defs/a{levels - 1}"}


def chain(links: int) -> dict[str, Any]:
    """Arrays of itself, each level reached over so many references. Unbounded it ends the process at 35 links."""
    defs: dict[str, Any] = {"a0": {"items": {"$ref": f"#/$defs/a{links - 1}"}, "type": ["array", "string"]}}
    for link in range(1, links):
        defs[f"a{link}"] = {"anyOf": [{"$ref": f"#/$defs/a{link - 1}"}]}
    return {"$defs": defs, "$ref": f"#/$defs/a{links - 1}"}


def unevaluated(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"properties": {"x": True}}
    for _ in range(levels):
        schema = {"anyOf": [schema], "unevaluatedProperties": False}
    return schema


ROW: dict[str, Any] = {
    "type": "object",
    "properties": {"id": {"type": "integer"}, "note": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
    "required": ["id"],
    "additionalProperties": False,
}
ROWS: dict[str, Any] = {"type": "array", "items": ROW}
TREE: dict[str, Any] = {"anyOf": [{"type": "integer"}, {"type": "array", "items": {"$ref": "#"}}]}


# --- Values ----------------------------------------------------------------------------------------------------------


def test_a_valid_value_has_no_errors() -> None:
    assert compile_schema(ROWS).errors([{"id": 1}, {"id": 2, "note": None}]) == []


def test_an_error_names_its_place_and_what_was_there() -> None:
    schema = compile_schema({"properties": {"rows": ROWS}})
    assert schema.errors({"rows": [{"id": 1}, {"id": "x"}]}) == [
        "answer['rows'][1]['id']: the value is not of type \"integer\" (got 'x')"
    ]
    assert schema.errors({"rows": [{}]}, what="context") == ["context['rows'][0]: \"id\" is a required property"]


def test_five_errors_are_enough() -> None:
    assert len(compile_schema({"items": {"type": "integer"}}).errors(many("x", 50))) == 5


def test_an_error_stays_short_whatever_the_value() -> None:
    value: JsonValue = {"k" * 10_000: "v" * 100_000}
    [error] = compile_schema({"additionalProperties": {"type": "integer"}}).errors(value)
    assert len(error) < 500
    [error] = compile_schema({"not": {"enum": ["x" * 10_000]}}).errors("x" * 10_000)
    assert len(error) < 500


def test_a_boolean_schema_takes_all_or_nothing() -> None:
    assert compile_schema(True).errors([1]) == []
    assert compile_schema(False).errors(1) == ["answer: False schema does not allow the value (got 1)"]


def test_a_large_wrong_value_gives_its_first_error_at_once() -> None:
    assert compile_schema({"items": {"type": "integer"}}).errors(many("x", 200_000)) == [
        "answer[0]: the value is not of type \"integer\" (got 'x')"
    ]


def test_a_large_value_wrong_under_branches_is_refused_without_collecting_every_branch() -> None:
    schema = compile_schema({"anyOf": [{"items": {"type": "integer"}}, {"items": {"type": "boolean"}}]})
    assert schema.errors(many("x", 200_000)) == ["answer does not match its schema; it is too large to say where"]


def test_a_wrong_row_among_thousands_is_named_with_branches_too() -> None:
    rows: list[JsonValue] = [{"id": index} for index in range(3000)]
    rows.append({"id": 1, "note": 2})
    [error] = compile_schema(ROWS).errors(rows)
    assert error.startswith("answer[3000]['note']: ")


# --- Schemas ---------------------------------------------------------------------------------------------------------


REFUSED: list[tuple[object, str]] = [
    (3, "schema must be an object, true or false"),
    ([], "schema must be an object, true or false"),
    ({"type": "intger"}, r"schema\['type'\]: .* \(got 'intger'\)"),
    ({"properties": {"a": {"minimum": "x"}}}, r"schema\['properties'\]\['a'\]\['minimum'\]: .* \"number\""),
    ({"default": float("nan")}, r"schema\['default'\] is nan"),
    ({1: 2}, "schema has the key 1"),
    ({"title": "\ud800"}, r"schema\['title'\] holds half of a surrogate pair"),
    ({"title": "x" * (64 << 10)}, "schema is over 65,536 bytes"),
    ({"const": nested(64, 1)}, r"nests more than 64 levels deep"),
    ({"pattern": "(?=a)b"}, r"schema\['pattern'\]: .* no look-around"),
    ({"pattern": r"(a)\1"}, r"schema\['pattern'\]: .* no look-around"),
    ({"pattern": "((a{100}){100}){100}"}, r"schema\['pattern'\]: .* no huge repetitions"),
    ({"patternProperties": {"(?<!a)": True}}, r"schema\['patternProperties'\].* no look-around"),
    ({"$ref": "#/$defs/nowhere"}, "schema refers to '#/\\$defs/nowhere', which it does not have"),
    ({"$ref": 5}, "schema refers to 5; references are taken within the schema only"),
    ({"$ref": "other.json"}, "schema refers to 'other.json'; references are taken within the schema only"),
    ({"$ref": "#nowhere"}, "schema refers to '#nowhere', which it does not have"),
    ({"$ref": "#/properties/a", "properties": {"a": {"$ref": "#/x"}}}, "schema refers to '#/x', which"),
    ({"$defs": {"a": {"$id": "https://example.org/a"}}}, r"schema has an \$id inside"),
    ({"$ref": "#"}, "schema refers to itself without going into"),
    ({"allOf": [{"$ref": "#"}]}, "schema refers to itself without going into"),
    ({"$dynamicAnchor": "n", "not": {"$dynamicRef": "#n"}}, "schema refers to itself without going into"),
    ({"allOf": [{}] * MAX_SCHEMAS}, f"schema has more than {MAX_SCHEMAS} parts"),
    ({"allOf": [{"pattern": "a"}] * (MAX_PATTERNS + 1)}, f"schema has more than {MAX_PATTERNS} patterns"),
]


@pytest.mark.parametrize(("schema", "says"), REFUSED)
def test_what_is_no_schema_here_is_refused_with_words(schema: object, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        compile_schema(schema)


def test_a_schema_is_named_as_the_caller_calls_it() -> None:
    with pytest.raises(ValueError, match=r"^returns refers to '#x'"):
        compile_schema({"$ref": "#x"}, what="returns")
    with pytest.raises(ValueError, match=r"^returns\['type'\]: "):
        compile_schema({"type": 1}, what="returns")


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"$ref": "#/$defs/a", "$defs": {"a": {"const": 7}}}, 7),
        ({"$ref": "#/$defs/a~1b%20c", "$defs": {"a/b c": {"const": 7}}}, 7),
        ({"$ref": "#n", "$defs": {"a": {"$anchor": "n", "const": 7}}}, 7),
        ({"$dynamicRef": "#n", "$defs": {"a": {"$dynamicAnchor": "n", "const": 7}}}, 7),
        ({"allOf": [{"const": 7}], "properties": {"a": {"$ref": "#/allOf/0"}}}, 7),
        ({"$schema": "http://json-schema.org/draft-07/schema#", "const": 7}, 7),
        ({"$id": "https://example.org/answer", "$ref": "#/$defs/a", "$defs": {"a": {"const": 7}}}, 7),
        (
            {"properties": {"$id": {"type": "string"}, "$ref": {"type": "string"}}, "const": {"$ref": "x"}},
            {"$ref": "x"},
        ),
        (TREE, nested(150, 1)),
    ],
)
def test_references_within_a_schema_are_followed(schema: dict[str, Any], value: JsonValue) -> None:
    compiled = compile_schema(schema)
    assert compiled.errors(value) == []
    assert compiled.errors("something else") != []


@pytest.mark.parametrize("keyword", ["$ref", "$dynamicRef", "$schema", "$id"])
def test_nothing_is_fetched_for_a_schema(keyword: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        uri = f"http://127.0.0.1:{server.getsockname()[1]}/schema.json"
        refused = ""
        for schema in ({keyword: uri}, {"properties": {"a": {keyword: uri}}}, {"$defs": {"a": {keyword: uri}}}):
            try:
                compile_schema(schema).errors({"a": 1})
            except ValueError as error:
                refused = str(error)
        assert keyword == "$schema" or refused
        with pytest.raises(BlockingIOError):
            server.accept()


def test_a_file_is_not_read_for_a_schema() -> None:
    for schema in ({"$ref": "file:///etc/hostname"}, {"$defs": {"a": {"$ref": "file:///etc/hostname"}}}):
        with pytest.raises(ValueError, match="file:///etc/hostname"):
            compile_schema(schema)


# --- Bombs -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "schema", [doubling(40), unevaluated(20), chain(600)], ids=["doubling", "unevaluated", "chain"]
)
def test_a_schema_that_would_take_forever_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="branches or chains its references too much"):
        compile_schema(schema)


def test_a_schema_that_doubles_a_few_times_is_taken() -> None:
    assert compile_schema(doubling(12)).errors("x") == []
    assert compile_schema(unevaluated(5)).errors({"x": 1}) == []


def test_work_that_doubles_with_every_level_of_the_value_is_refused_when_it_is_deep() -> None:
    part: dict[str, JsonValue] = {"items": {"$ref": "#/$defs/a"}}
    schema = compile_schema({"$ref": "#/$defs/a", "$defs": {"a": {"allOf": [part, part]}}})
    assert schema.errors(nested(10, 1)) == []
    assert schema.errors(nested(40, 1)) == TOO_LARGE


def test_recursion_that_would_end_the_native_stack_is_refused() -> None:
    assert compile_schema(chain(60)).errors(nested(3, "x")) == []
    assert compile_schema(chain(60)).errors(nested(190, "x")) == TOO_LARGE


def test_a_large_value_times_a_large_schema_is_refused() -> None:
    options = [{"a": index} for index in range(1000)]
    schema = compile_schema({"items": {"enum": options}})
    assert schema.errors(many({"a": 999}, 500)) == []
    assert schema.errors(many({"a": 999}, 50_000)) == TOO_LARGE


def test_a_pattern_that_backtracks_elsewhere_is_linear_here() -> None:
    assert compile_schema({"pattern": "^(a+)+$"}).errors("a" * 100_000 + "b") != []


def under(keyword: str, schema: JsonValue) -> JsonValue:
    return {keyword: schema}


def object_of(schema: JsonValue) -> JsonValue:
    return {"properties": {"x": schema}, "additionalProperties": False}


def around(inner: st.SearchStrategy[JsonValue]) -> st.SearchStrategy[JsonValue]:
    one = st.builds(under, st.sampled_from(["items", "not", "if", "contains", "unevaluatedItems"]), inner)
    several = st.builds(under, st.sampled_from(["allOf", "anyOf", "oneOf"]), st.lists(inner, min_size=1))
    return one | several | st.builds(object_of, inner)


# Schemas of references to three definitions, which are such schemas themselves.
PLAIN: list[JsonValue] = [True, False, {"type": "integer"}, {"minItems": 1}, {"$ref": "#"}]
REFERENCES: list[JsonValue] = [{"$ref": f"#/$defs/{name}"} for name in "abc"]
SCHEMAS = st.recursive(st.sampled_from(PLAIN + REFERENCES), around, max_leaves=8)
VALUES: st.SearchStrategy[JsonValue] = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xy"), inner),
    max_leaves=8,
)


@given(SCHEMAS, st.fixed_dictionaries({"a": SCHEMAS, "b": SCHEMAS, "c": SCHEMAS}), VALUES, st.integers(0, 150))
def test_any_schema_of_references_is_refused_or_answers(
    schema: JsonValue, defs: dict[str, JsonValue], value: JsonValue, levels: int
) -> None:
    compiled: Schema | None = None
    try:
        compiled = compile_schema({"allOf": [schema], "$defs": defs})
    except ValueError as refused:
        str(refused).encode()
    if compiled is not None:
        assert len(compiled.errors(nested(levels, value))) <= 5


@given(st.integers(1, 12))
def test_the_bound_counts_what_a_validator_would_do(levels: int) -> None:
    twice_per_level = 2 ** (levels - 1)
    assert twice_per_level <= Workload(doubling(levels)).evaluations(0, 10**9) <= 8 * twice_per_level
    part: dict[str, JsonValue] = {"items": {"$ref": "#/$defs/a"}}
    workload = Workload({"$ref": "#/$defs/a", "$defs": {"a": {"allOf": [part, part]}}})
    assert 2**levels <= workload.evaluations(levels, 10**9) <= 8 * 2**levels
    assert Workload(TREE).evaluations(levels, 10**9) <= 6
