"""JSON Schema, draft 2020-12, over schemas and values that nobody vouches for: bounded work, no retrieval, no ReDoS."""

from collections.abc import Sequence

import jsonschema_rs

from rao_runtime.core.schema_bounds import Workload
from rao_runtime.core.values import JsonValue, place, shown, to_json

MAX_BYTES = 64 << 10
MAX_DEPTH = 64
MAX_ERRORS = 5

# What one check may take. An evaluation costs 10-150 ns, an error 14 us; past 1,000 schemas deep the time of reporting
# grows with the square, and past 10,000 a native stack of 8 MiB ends, and with it the process.
MAX_EVALUATIONS = 10_000_000
MAX_RECURSION = 1_000

# The validator collects all errors before it gives one, and under `anyOf` and `oneOf` also for its first one. So all
# are asked for only of small values, the first one of middling values, or of any where no branch can collect.
ALL_ERRORS_UP_TO = 20_000
BRANCH_ERRORS_UP_TO = 100_000

# A text counts as one place per so many characters: a pattern reads all of it, in about that time.
_CHARS_PER_PLACE = 50
_MESSAGE_CHARS = 300
_VALUE = "the value"
_REGULAR = "; patterns here have no look-around, no back-references and no huge repetitions"


class Schema:
    """A compiled schema."""

    def __init__(self, validator: jsonschema_rs.Draft202012Validator, workload: Workload | None) -> None:
        self._validator = validator
        self._workload = workload

    def errors(self, value: JsonValue, *, what: str = "answer") -> list[str]:
        """What is wrong with a value, with places, five at most; empty when it is valid.

        A value too large or too deep to be checked against this schema in reasonable time is an error too.
        """
        places, depth = _extent(value)
        work = self._work(places, depth)
        if work is None:
            return [f"{what} is too large or too deeply nested to be checked against its schema"]
        if self._validator.is_valid(value):
            return []
        branches = self._workload is not None and self._workload.branches
        if work > BRANCH_ERRORS_UP_TO and branches:
            return [f"{what} does not match its schema; it is too large to say where"]
        return [_worded(error, value, what) for error in self._found(value, work)]

    def _work(self, places: int, depth: int) -> int | None:
        """How many evaluations a check may take, or None where that is too many."""
        if self._workload is None:
            return places
        if self._workload.recursion(depth) > MAX_RECURSION:
            return None
        enough = MAX_EVALUATIONS // places
        most = self._workload.evaluations(depth, enough)
        return None if most > enough else most * places

    def _found(self, value: JsonValue, work: int) -> Sequence[jsonschema_rs.ValidationError]:
        if work <= ALL_ERRORS_UP_TO:
            return list(self._validator.iter_errors(value))[:MAX_ERRORS]
        try:
            self._validator.validate(value)
        except jsonschema_rs.ValidationError as error:
            return [error]
        return []


def compile_schema(schema: object, *, what: str = "schema") -> Schema:
    """The schema, ready to check values. Nothing is ever fetched; `$schema` and the root's `$id` are ignored.

    Raises ValueError, in words for the client, when it is no schema of draft 2020-12, is over 64 KiB or 64 levels, uses
    look-around or a back-reference in a pattern, or refers to anything outside itself.
    """
    plain = to_json(schema, what=what, max_bytes=MAX_BYTES, max_depth=MAX_DEPTH)
    workload = None
    if isinstance(plain, dict):
        plain.pop("$schema", None)
        plain.pop("$id", None)
        workload = _bounded(plain, what)
    elif not isinstance(plain, bool):
        raise ValueError(f"{what} must be an object, true or false")
    try:
        validator = jsonschema_rs.Draft202012Validator(
            plain,
            mask=_VALUE,
            offline=True,
            pattern_options=jsonschema_rs.RegexOptions(size_limit=1 << 18),
        )
    except jsonschema_rs.ValidationError as error:
        hint = _REGULAR if "regex" in error.message else ""
        raise ValueError(_worded(error, plain, what) + hint) from None
    return Schema(validator, workload)


def _bounded(schema: dict[str, JsonValue], what: str) -> Workload:
    try:
        workload = Workload(schema)
    except ValueError as error:
        raise ValueError(f"{what} {error}") from None
    if workload.evaluations(0, MAX_EVALUATIONS) > MAX_EVALUATIONS or workload.recursion(0) > MAX_RECURSION:
        raise ValueError(f"{what} branches or chains its references too much to be checked")
    return workload


def _worded(error: jsonschema_rs.ValidationError, value: JsonValue, what: str) -> str:
    """One error in one line. The validator's message has the value masked, which may be a megabyte."""
    where = _at(value, error.instance_path)
    message = error.message if len(error.message) <= _MESSAGE_CHARS else f"{error.message[:_MESSAGE_CHARS]}..."
    got = "" if isinstance(where, dict | list) else f" (got {shown(where)})"
    return f"{place(what, error.instance_path)}: {message}{got}"


def _at(value: JsonValue, path: Sequence[str | int]) -> JsonValue:
    for step in path:
        match value, step:
            case dict(), str():
                value = value[step]
            case list(), int():
                value = value[step]
            case _:
                break
    return value


def _extent(value: JsonValue) -> tuple[int, int]:
    """How many places a value has to be checked at, long texts counted by their length, and how deep it is."""
    places = 0
    deepest = 0
    unseen: list[tuple[JsonValue, int]] = [(value, 0)]
    while unseen:
        each, depth = unseen.pop()
        places += 1
        deepest = max(deepest, depth)
        if isinstance(each, str):
            places += len(each) // _CHARS_PER_PLACE
        elif isinstance(each, dict):
            places += sum(1 + len(name) // _CHARS_PER_PLACE for name in each)
            unseen += [(part, depth + 1) for part in each.values()]
        elif isinstance(each, list):
            unseen += [(part, depth + 1) for part in each]
    return places, deepest
