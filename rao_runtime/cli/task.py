"""What was typed becomes the body of `POST /solve`. Only what was given is sent: all else is the server's to decide."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rao_runtime.cli.errors import BadInput

STDIN = "-"

Context = str | dict[str, str] | None


def body(plain: Mapping[str, Any], groups: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The request: plain fields and groups of fields. What is None was not given. Raises BadInput."""
    found = _given(plain) | {name: given for name, group in groups.items() if (given := _given(group))}
    try:
        json.dumps(found, ensure_ascii=False, allow_nan=False).encode()
    except ValueError as error:
        raise BadInput(f"this cannot be sent as JSON: {error}") from error
    return found


def context(files: Sequence[str], text: str | None) -> Context:
    """One file is a text, several are named texts, `-` is standard input. Raises BadInput."""
    if text is not None:
        if files:
            raise BadInput("give either --context or --context-text")
        return text
    if files.count(STDIN) > 1:
        raise BadInput("standard input can be read once only")
    if not files:
        return None
    if len(files) == 1:
        return _read(files[0])
    return {name: _read(file) for name, file in zip(_names(files), files, strict=True)}


def schema(text: str | None) -> object:
    """A JSON Schema: JSON as typed, or `@` and the name of a file that holds it. Raises BadInput."""
    if text is None:
        return None
    source = _read(text[1:]) if text.startswith("@") else text
    try:
        return json.loads(source)
    except ValueError as error:
        raise BadInput(f"--schema is not JSON: {error}") from error


def metadata(pairs: Sequence[str]) -> dict[str, str] | None:
    """`name=value` pairs, None where there are none. Raises BadInput."""
    found = dict[str, str]()
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise BadInput(f"--metadata {pair!r} is not NAME=VALUE")
        found[name] = value
    return found or None


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _names(files: Sequence[str]) -> list[str]:
    """File names where they tell the files apart, else the paths."""
    short = ["stdin" if file == STDIN else Path(file).name for file in files]
    names = short if len(set(short)) == len(short) else list(files)
    if len(set(names)) < len(names):
        raise BadInput("the same --context file is given twice")
    return names


def _read(file: str) -> str:
    try:
        data = sys.stdin.buffer.read() if file == STDIN else Path(file).read_bytes()
        return data.decode()
    except OSError as error:
        raise BadInput(f"cannot read {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{file} is not UTF-8 text: {error.reason} at byte {error.start}") from error
