"""Schemathesis asks everything the document allows, and much it does not: no 5xx, and every answer as documented."""
# Schemathesis' own annotations leave type arguments out:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUntypedFunctionDecorator=false

from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from rao_runtime.core.ids import root_id
from tests.contract.processes import gateway_process

FILE = Path(__file__).parents[2] / "openapi.yaml"
CHECKS: list[schemathesis.CheckFunction] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
]
SLOW = [HealthCheck.filter_too_much, HealthCheck.too_slow, HealthCheck.data_too_large]

schema = schemathesis.openapi.from_path(FILE)


@pytest.fixture(scope="module")
def gateway() -> Generator[str, None, None]:
    """The URL of a gateway; it does not wait long, since a fuzzed task may be one that takes its time."""
    with gateway_process(RAO_SYNC_WAIT_S="1") as (_, url, _):
        yield url


@pytest.fixture(scope="module")
def gateway_of_its_own() -> Generator[str, None, None]:
    """The URL of a gateway whose pool may become whatever it may: it has no tree to run."""
    with gateway_process() as (_, url, _):
        yield url


@schema.exclude(path_regex="^/replicas").parametrize()
@settings(max_examples=40, deadline=None, suppress_health_check=SLOW)
def test_every_answer_is_as_documented(case: schemathesis.Case[Any], gateway: str) -> None:
    case.call_and_validate(base_url=gateway, checks=CHECKS, timeout=20)


@schema.include(path_regex="^/replicas").parametrize()
@settings(max_examples=25, deadline=None, suppress_health_check=SLOW)
def test_every_answer_about_replicas_is_as_documented(case: schemathesis.Case[Any], gateway_of_its_own: str) -> None:
    case.call_and_validate(base_url=gateway_of_its_own, checks=CHECKS, timeout=20)


@schema.include(path_regex="tree_id").parametrize()
@settings(max_examples=25, deadline=None, suppress_health_check=SLOW)
def test_answers_about_trees_that_exist_are_as_documented(case: schemathesis.Case[Any], gateway: str) -> None:
    tree = httpx.post(f"{gateway}/solve", json={"goal": "ANSWER"}, headers={"Prefer": "wait=10"}).json()
    real = {"tree_id": tree["tree_id"], "node_id": root_id(tree["tree_id"])}
    case.path_parameters = {name: real[name] for name in case.path_parameters}
    checks = [check for check in CHECKS if check is not negative_data_rejection]
    case.call_and_validate(base_url=gateway, checks=checks, timeout=20)
