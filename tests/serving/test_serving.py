"""The API answers from one snapshot and its model, names what it refuses, and lets in whom it should."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from churn_duck_cli.main import _exit_code
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from churn_duck.errors import ConfigError
from churn_duck.jobs.run import Ran
from churn_duck.model.registry import rollback, versions
from churn_duck.scoring.score import score
from churn_duck.serving.api import answers
from churn_duck.serving.api.auth import require_closed, token_from_environment
from churn_duck.serving.app import create_app
from churn_duck.serving.publish import publish
from churn_duck.settings.load import parse_settings
from churn_duck.warehouse.store import Warehouse, open_warehouse, opened_snapshot, working
from tests.conftest import silent
from tests.worlds import event, user, world


@pytest.fixture
def client(ran: tuple[Warehouse, Ran]) -> Iterator[TestClient]:
    with TestClient(create_app(ran[0]), raise_server_exceptions=False) as client:
        yield client


def features(warehouse: Warehouse, where: str = "true") -> list[dict[str, Any]]:
    with opened_snapshot(warehouse.published / "current.duckdb") as con:
        query = f"select * exclude (as_of_date) from scored_features where {where} order by user_id"
        return con.sql(query).pl().to_dicts()


def problems(answer: Any) -> set[tuple[Any, ...]]:
    return {(*one["loc"][1:], one["type"]) for one in answer.json()["detail"]}


def test_the_predicted_risk_is_the_ledgers_for_every_scored_user(
    client: TestClient, ran: tuple[Warehouse, Ran], looking: Any
) -> None:
    rows = features(ran[0])
    answer = client.post("/predict", json=rows).json()
    ledger = dict(looking.execute("select user_id, churn_risk from predictions").fetchall())
    told = {one["user_id"]: one["churn_risk"] for one in answer["predictions"]}
    assert told == pytest.approx(ledger, abs=1e-9)
    assert answer["model_version"] == ran[1].scored.model_version
    assert answer["as_of_date"] == str(ran[1].scored.as_of_date)


def test_one_user_alone_is_predicted_as_among_others_and_needs_no_id(
    client: TestClient, ran: tuple[Warehouse, Ran]
) -> None:
    rows = features(ran[0])[:2]
    many = client.post("/predict", json=rows).json()["predictions"]
    alone = {name: value for name, value in rows[1].items() if name != "user_id"}
    assert client.post("/predict", json=alone).json()["predictions"] == [{**many[1], "user_id": None}]


def test_what_the_model_does_not_know_is_refused_by_name(client: TestClient, ran: tuple[Warehouse, Ran]) -> None:
    good, bad = features(ran[0])[:2]
    del bad["events_7d"], bad["plan"]
    bad |= {"evnts_7d": 1, "is_paid": True, "logins_7d": "3", "country": 7, "watch_minutes_7d": 1e39, "user_id": [1]}
    answer = client.post("/predict", json=[good, bad])
    assert answer.status_code == 422
    assert problems(answer) == {
        (1, "evnts_7d", "extra_forbidden"),
        (1, "events_7d", "missing"),
        (1, "plan", "missing"),
        (1, "is_paid", "float_type"),
        (1, "logins_7d", "float_type"),
        (1, "watch_minutes_7d", "float_type"),
        (1, "country", "string_type"),
        (1, "user_id", "id_type"),
    }
    assert problems(client.post("/predict", json=bad)) == {one[1:] for one in problems(answer)}


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"[1]", b'"x"', b"null", b"[[]]", b"\xff", b'{"events_7d": NaN}', b"[" * 100_000]
)
def test_a_body_that_is_no_users_is_refused(client: TestClient, body: bytes) -> None:
    answer = client.post("/predict", content=body)
    assert answer.status_code == 422
    assert answer.json()["detail"]


def test_a_number_beyond_every_float_is_refused(client: TestClient, ran: tuple[Warehouse, Ran]) -> None:
    text = json.dumps({**features(ran[0])[0], "events_7d": 12345678})
    for number in ("1e999", "9" * 400):
        assert problems(client.post("/predict", content=text.replace("12345678", number))) == {
            ("events_7d", "float_type")
        }


def test_a_missing_number_is_nan_to_the_model_and_an_unseen_category_is_unseen(
    client: TestClient, ran: tuple[Warehouse, Ran], looking: Any
) -> None:
    row = features(ran[0])[0] | {"events_7d": None, "plan": "platinum", "country": None}
    told = client.post("/predict", json=row).json()["predictions"][0]["churn_risk"]
    with_model = answers.Snapshot((ran[0].published / "current.duckdb").resolve(), ran[0].models)
    model = answers.model_of(with_model)
    values = ", ".join(f"{json.dumps(value).replace(chr(34), chr(39))} as {name}" for name, value in row.items())
    matrix = looking.sql(f"select {model.schema.select_list()} from (select {values})").fetchnumpy()
    columns = [np.ma.filled(np.ma.asarray(matrix[name]).astype(np.float32), np.nan) for name in model.schema.names]
    assert told == pytest.approx(model.risk(np.column_stack(columns))[0], abs=1e-12)
    with_model.close()


def test_more_rows_or_bytes_than_allowed_are_too_much(ran: tuple[Warehouse, Ran]) -> None:
    few = open_warehouse(parse_settings({"serving": {"max_rows": 1000}}, "test"), ran[0].root)
    row = features(ran[0])[0]
    with TestClient(create_app(few)) as client:
        assert client.post("/predict", json=[row] * 1000).status_code == 200
        assert client.post("/predict", json=[row] * 1001).status_code == 413
        assert client.post("/predict", content=b" " * 9_000_000).status_code == 413


def test_the_list_is_paged_and_filtered_by_the_attributes_that_there_are(
    client: TestClient, looking: Any, ran: tuple[Warehouse, Ran]
) -> None:
    pages, offset = [], 0
    while offset is not None:
        page = client.get("/at-risk", params={"limit": 40, "offset": offset, "plan": "paid"}).json()
        pages += [one["user_id"] for one in page["users"]]
        offset = page["next_offset"]
    query = "select user_id from ranked_users(?) where plan = 'paid' order by risk_rank"
    assert pages == [row[0] for row in looking.execute(query, [ran[1].scored.as_of_date]).fetchall()]
    two = client.get("/at-risk?country=US&country=IN&min_risk=0.2&is_paid=1").json()
    assert {one["attributes"]["country"] for one in two["users"]} == {"US", "IN"}
    assert all(one["churn_risk"] >= 0.2 and one["attributes"]["is_paid"] == 1 for one in two["users"])
    assert two["total"] == len(two["users"])


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("plam=x", "plam"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("offset=-1", "offset"),
        ("min_risk=nan", "min_risk"),
        ("is_paid=yes", "is_paid"),
        ("is_paid=99999999999999999999", "is_paid"),
        ("user_id=1", "user_id"),
        ("plan%22%20or%201=1", 'plan" or 1'),
    ],
)
def test_a_parameter_that_there_is_not_is_refused_by_name(client: TestClient, query: str, place: str) -> None:
    answer = client.get(f"/at-risk?{query}")
    assert answer.status_code == 422
    assert [one["loc"] for one in answer.json()["detail"]] == [["query", place]]


def test_a_value_with_quotes_is_only_a_value(client: TestClient) -> None:
    assert client.get("/at-risk", params={"plan": "' or 1=1 --"}).json()["total"] == 0


def test_a_user_has_risk_reasons_history_and_activity(client: TestClient, ran: tuple[Warehouse, Ran]) -> None:
    first = ran[1].top[0]
    found = client.get(f"/users/{first['user_id']}").json()
    assert (found["churn_risk"], found["risk_rank"]) == (first["churn_risk"], 1)
    assert [one["sentence"] for one in found["reasons"]] == [first[f"reason_{rank}"] for rank in (1, 2, 3)]
    assert [one["as_of_date"] for one in found["history"]] == [str(ran[1].scored.as_of_date)]
    assert found["activity"][0]["total_events"] >= 1
    listed = client.get("/at-risk?limit=1").json()["users"][0]
    assert {name: found[name] for name in listed if name != "reasons"} == {
        name: value for name, value in listed.items() if name != "reasons"
    }


def test_a_user_who_was_not_eligible_is_known_without_a_risk(client: TestClient, looking: Any) -> None:
    query = "select min(user_id) from users_clean anti join predictions using (user_id)"
    found = client.get(f"/users/{looking.execute(query).fetchall()[0][0]}")
    assert found.status_code == 200
    assert (found.json()["churn_risk"], found.json()["history"]) == (None, [])


@pytest.mark.parametrize("text", ["999999", "abc", "1_0", "9" * 30, "%00", "-1", "1%20", ""])
def test_nobody_by_that_id_is_404(client: TestClient, text: str) -> None:
    assert client.get(f"/users/{text}").status_code == 404


def test_ids_that_are_text_work_too(tmp_path: Path) -> None:
    settings = {"users": {"id_type": "text"}, "population": {"active_within_days": None}}
    with world(tmp_path, [user("a/b ü")], [event(1, "a/b ü", "2025-01-01T12:00:00")], **settings) as (con, warehouse):
        publish(con, warehouse)
    with TestClient(create_app(warehouse)) as client:
        assert client.get("/users/a%2Fb%20%C3%BC").json()["user_id"] == "a/b ü"
        assert client.get("/users/a").status_code == 404


def test_only_health_and_metrics_are_open_where_there_is_a_token(ran: tuple[Warehouse, Ran]) -> None:
    closed = ["/at-risk", "/users/1", "/openapi.json", "/docs"]
    with TestClient(create_app(ran[0], "s3cret"), raise_server_exceptions=False) as client:
        assert {client.get(path).status_code for path in ("/live", "/ready", "/health", "/metrics")} == {200}
        for given in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic s3cret"}):
            found = [client.get(path, headers=given) for path in closed]
            found.append(client.post("/predict", json={}, headers=given))
            assert {one.status_code for one in found} == {401}
            assert found[0].headers["www-authenticate"] == "Bearer"
        right = {"Authorization": "Bearer s3cret"}
        assert [client.get(path, headers=right).status_code for path in ("/at-risk", "/openapi.json", "/docs")] == [
            200
        ] * 3


def test_an_address_that_others_reach_needs_a_token_or_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    for host in ("127.0.0.1", "::1", "[::1]", "localhost", "127.1.2.3"):
        require_closed(host, None, False)
    for host in ("0.0.0.0", "::", "10.0.0.1", "example.org", ""):
        with pytest.raises(ConfigError, match="CHURN_DUCK_TOKEN is not set"):
            require_closed(host, None, False)
        require_closed(host, "s3cret", False)
        require_closed(host, None, True)
    monkeypatch.setenv("CHURN_DUCK_TOKEN", " ")
    with pytest.raises(ConfigError, match="is empty"):
        token_from_environment()


def test_serve_refuses_before_it_binds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CHURN_DUCK_TOKEN", raising=False)
    assert _exit_code(["--warehouse", str(tmp_path), "serve", "--host", "0.0.0.0"]) == ConfigError.exit_code
    assert "--allow-open" in capsys.readouterr().err


def test_serve_without_its_packages_names_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "uvicorn", None)
    assert _exit_code(["--warehouse", str(tmp_path), "serve"]) == 1
    assert 'pip install "churn-duck[serve]"' in capsys.readouterr().err


def test_ready_says_why_not(tmp_path: Path) -> None:
    rows = [user(1)], [event(1, 1, "2025-01-01T12:00:00")]
    with (
        world(tmp_path, *rows) as (con, warehouse),
        TestClient(create_app(warehouse), raise_server_exceptions=False) as client,
    ):
        assert "run: churn-duck publish" in client.get("/ready").json()["reasons"][0]
        assert client.get("/at-risk").status_code == client.get("/ready").status_code == 503
        assert client.get("/live").status_code == client.get("/health").status_code == 200
        publish(con, warehouse)
        not_yet = client.get("/ready")
        assert (not_yet.status_code, len(not_yet.json()["reasons"])) == (503, 1)
        assert "no model was in production" in not_yet.json()["reasons"][0]
        assert client.post("/predict", json={}).status_code == 503
        assert client.get("/at-risk").json()["users"] == []


def test_an_old_snapshot_is_served_but_is_not_ready(ran: tuple[Warehouse, Ran]) -> None:
    stale = open_warehouse(parse_settings({"serving": {"max_age_days": 1e-9}}, "test"), ran[0].root)
    with TestClient(create_app(stale)) as client:
        assert "days old" in client.get("/ready").json()["reasons"][0]
        assert client.get("/health").json()["status"] == "degraded"
        assert client.get("/at-risk").status_code == 200


def test_a_new_snapshot_and_model_are_picked_up_whole(own: Warehouse) -> None:
    with TestClient(create_app(own)) as client, working(own, "test") as con:
        row = features(own)[0]
        before = client.post("/predict", json=row).json()
        other = next(one.model_version for one in versions(con, own) if one.model_version != before["model_version"])
        rollback(con, own, other)
        assert client.post("/predict", json=row).json() == before
        rolled_back = publish(con, own)
        after, listed = client.post("/predict", json=row).json(), client.get("/at-risk").json()
        assert (after["snapshot_id"], after["model_version"]) == (rolled_back.snapshot_id, other)
        assert after["predictions"] != before["predictions"]
        # the list is still by the model that scored it, and says so
        assert (listed["snapshot_id"], listed["model_version"]) == (rolled_back.snapshot_id, before["model_version"])
        score(con, own, None, None, silent)
        publish(con, own)
        assert client.get("/at-risk").json()["model_version"] == other


def test_the_labels_of_the_metrics_are_bounded(client: TestClient) -> None:
    for number in range(30):
        client.get(f"/users/{number}")
        client.get(f"/nothing/{number}")
        client.request(f"VERB{number}", "/at-risk")
    families = {one.name: one for one in text_string_to_metric_families(client.get("/metrics").text)}
    told = {(one.labels["method"], one.labels["route"]) for one in families["churn_api_requests"].samples}
    assert told == {("GET", "/users/{user_id}"), ("GET", "other"), ("other", "/at-risk")}
    assert {"churn_api_request_latency_seconds", "churn_api_predictions", "churn_scored_users"} <= set(families)


def test_a_fault_of_ours_is_5xx_and_counted(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*arguments: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(answers, "at_risk", breaks)
    assert client.get("/at-risk").status_code == 500
    assert 'churn_api_requests_total{method="GET",route="/at-risk",status="500"} 1.0' in client.get("/metrics").text


def test_predictions_are_counted_by_user(client: TestClient, ran: tuple[Warehouse, Ran]) -> None:
    client.post("/predict", json=features(ran[0])[:7])
    assert "churn_api_predictions_total 7.0" in client.get("/metrics").text


def test_openapi_has_the_features_of_the_model_and_examples_that_work(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    content = document["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]
    for one in content["examples"].values():
        assert client.post("/predict", json=one["value"]).status_code == 200
    names = {one["name"] for one in document["paths"]["/at-risk"]["get"]["parameters"]}
    assert {"limit", "offset", "min_risk", "plan", "country", "is_paid"} == names - {"marketing_source"}


def test_the_description_is_read_with_scripts_of_our_own_server_alone(client: TestClient) -> None:
    page = client.get("/docs")
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert addresses == ["data:,", "docs/swagger-ui.css", "docs/swagger-ui.js", "docs/start.js", "openapi.json"]
    for address in addresses[1:]:
        answer = client.get(f"/{address}")
        assert (answer.status_code, len(answer.content) > 0) == (200, True)
    assert len(client.get("/docs/swagger-ui.js").content) > 1_000_000
    assert client.get("/docs/swagger-ui.map").status_code == 422
    for answer in (page, client.get("/docs/start.js")):
        rules = dict(rule.strip().split(" ", 1) for rule in answer.headers["content-security-policy"].split(";"))
        assert (rules["default-src"], rules["script-src"], rules["connect-src"]) == ("'none'", "'self'", "'self'")
        assert not re.search(r"unsafe|https?:|\*", answer.headers["content-security-policy"])
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_who_is_signed_in_at_the_dashboard_reads_the_description_and_nothing_else_of_the_api(
    ran: tuple[Warehouse, Ran],
) -> None:
    closed = ("/docs/swagger-ui.js", "/docs/start.js", "/openapi.json", "/docs")
    with TestClient(create_app(ran[0], "s3cret")) as client:
        assert {client.get(path).status_code for path in closed} == {401}
        client.post("/sign-in", data={"token": "s3cret"})
        assert {client.get(path).status_code for path in closed} == {200}
        assert client.get("/at-risk").status_code == 401
