"""Requests that nobody would think of, drawn from the API's own OpenAPI: no answer may be a fault of ours."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from churn_duck.jobs.run import Ran
from churn_duck.serving.app import create_app, described
from churn_duck.serving.snapshots import Snapshots
from churn_duck.warehouse.store import Warehouse

pytestmark = pytest.mark.whole
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
OPERATIONS = ["GET /live", "GET /ready", "GET /health", "GET /metrics", "POST /predict", "GET /at-risk"]
TAKING = ["POST /predict", "GET /at-risk", "POST /hooks/alertmanager"]
OPERATIONS += ["GET /users/{user_id}", "POST /hooks/alertmanager"]


@pytest.fixture(scope="session")
def operations(ran: tuple[Warehouse, Ran]) -> dict[str, schemathesis.APIOperation]:
    app, snapshots = create_app(ran[0]), Snapshots(ran[0].root)
    schema = schemathesis.openapi.from_dict(described(app, snapshots))
    schema.app = app
    snapshots.close()
    return {one.ok().label: one.ok() for one in schema.get_all_operations()}


def test_every_operation_is_fuzzed(operations: dict[str, schemathesis.APIOperation]) -> None:
    assert set(operations) == set(OPERATIONS)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["right", "wrong"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_no_request_meets_a_fault_of_ours_or_an_answer_that_is_not_described(
    operations: dict[str, schemathesis.APIOperation], name: str, mode: GenerationMode
) -> None:
    if mode is GenerationMode.NEGATIVE and name not in TAKING:
        pytest.skip("takes nothing that could be wrong")
    seen = set()

    @given(case=operations[name].as_strategy(generation_mode=mode))
    @settings(max_examples=40, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    def check(case: schemathesis.Case) -> None:
        seen.add(case.call_and_validate(checks=CHECKS).status_code)

    check()
    assert seen & ({200, 404} if mode is GenerationMode.POSITIVE else {404, 405, 422})
