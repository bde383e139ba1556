"""The document is the app's, and it is whole."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import jsonschema_rs
import pytest
import yaml

from rao_runtime.config import Settings
from server import openapi
from server.app import create_app
from server.problems import KINDS
from server.schemas.request import EXAMPLES

FILE = Path(__file__).parents[2] / "openapi.yaml"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return yaml.safe_load(FILE.read_text())


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method} {path}", operation


def test_the_file_is_what_the_app_says(document: dict[str, Any]) -> None:
    assert document == create_app(Settings()).openapi()
    assert FILE.read_text() == openapi.text(), "run: python -m server.openapi > openapi.yaml"


def test_every_path_of_the_contract_is_there(document: dict[str, Any]) -> None:
    assert {name for name, _ in operations(document)} == {
        "post /solve",
        "get /trees",
        "get /trees/{tree_id}",
        "get /trees/{tree_id}/analysis",
        "delete /trees/{tree_id}",
        "post /trees/{tree_id}/cancel",
        "get /trees/{tree_id}/nodes/{node_id}",
        "post /trees/{tree_id}/nodes/{node_id}/cancel",
        "get /trees/{tree_id}/events",
        "get /usage",
        "get /usage/records",
        "get /models",
        "get /tools",
        "get /replicas",
        "post /replicas",
        "get /replicas/{replica_id}",
        "delete /replicas/{replica_id}",
        "get /livez",
        "get /readyz",
        "get /metrics",
    }


def test_every_error_is_documented_as_a_problem(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        errors = {code: answer for code, answer in operation["responses"].items() if int(code) >= 400}
        assert "500" in errors, name
        for answer in errors.values():
            assert list(answer["content"]) == ["application/problem+json"], name
            assert answer["description"], name


def test_every_operation_and_parameter_is_described(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        assert operation["summary"], name
        assert operation["description"], name
        assert all(parameter.get("description") for parameter in operation.get("parameters", [])), name


def test_every_kind_of_problem_that_a_route_can_have_is_named_somewhere(document: dict[str, Any]) -> None:
    told = "".join(answer["description"] for _, each in operations(document) for answer in each["responses"].values())
    general = {"not-found", "method-not-allowed"}
    assert {kind.slug for kind in KINDS if kind.urn not in told} == general


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    def references(value: object) -> Iterator[str]:
        match value:
            case {"$ref": str() as target}:
                yield target
            case dict():
                for each in cast("dict[str, object]", value).values():
                    yield from references(each)
            case list():
                for each in cast("list[object]", value):
                    yield from references(each)
            case _:
                return

    schemas = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert set(references(document)) <= schemas


def test_the_examples_of_a_request_fit_its_schema(document: dict[str, Any]) -> None:
    root = {**document["components"]["schemas"]["SolveRequest"], "components": document["components"]}
    for example in EXAMPLES:
        jsonschema_rs.validate(root, example)
