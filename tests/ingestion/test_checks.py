"""Every rule of the contract: planted once, it is found by its name; clean data breaks none."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from churn_duck.errors import ValidationFailed
from churn_duck.ingestion.validate import Rule, require_valid, validate
from churn_duck.settings.config import Settings
from churn_duck.warehouse.catalog import sql_files
from churn_duck.warehouse.store import connected, open_warehouse
from tests.worlds import event, land_rows, user

USERS = [user(1, marketing_source="ads"), user(2, plan="paid", engagement_score=0.4)]
EVENTS = [
    *(event(i, 1, f"2025-01-02T10:00:{i % 60:02d}") for i in range(1, 200)),
    event(200, 2, "2025-01-03T10:00:00", "payment_success", amount=9.5),
]


def verdicts(folder: Path, users: list[dict[str, object]], events: list[dict[str, object]]) -> dict[str, Rule]:
    warehouse = open_warehouse(Settings(), folder)
    land_rows(warehouse, "users", users)
    land_rows(warehouse, "events", events)
    with connected(warehouse) as con:
        return {rule.rule: rule for rule in validate(con, warehouse)}


PLANTED: list[tuple[str, str, str, list[dict[str, object]]]] = [
    ("check_users_quarantined", "fail", "users", [user(None)]),
    ("check_users_quarantined", "fail", "users", [user(3, "soon")]),
    ("check_users_value_untyped", "fail", "users", [user(3, is_paid="maybe")]),
    ("check_users_value_untyped", "warn", "users", [user(3, engagement_score="high")]),
    ("check_user_id_duplicate", "fail", "users", [user(1, plan="paid")]),
    ("check_attribute_missing", "fail", "users", [user(3, plan=" ", is_paid=0)]),
    ("check_attribute_unknown", "fail", "users", [user(3, plan="gold", is_paid=0)]),
    ("check_attribute_out_of_range", "fail", "users", [user(3, is_paid=2)]),
    ("check_attribute_contradicts", "warn", "users", [user(3, plan="paid", is_paid=0)]),
    ("check_attribute_out_of_range", "fail", "users", [user(3, engagement_score=1.2)]),
    ("check_events_quarantined", "fail", "events", [event(None, 1, "2025-01-02")]),
    ("check_events_quarantined", "fail", "events", [event(900, 1, "noon")]),
    ("check_events_value_untyped", "warn", "events", [event(900, 1, "2025-01-02", watch_minutes="long")]),
    ("check_event_id_duplicate", "fail", "events", [event(1, 1, "2025-01-02")]),
    ("check_event_user_unknown", "fail", "events", [event(900, 77, "2025-01-02")]),
    ("check_event_type_unknown", "fail", "events", [event(900, 1, "2025-01-02", "teleport")]),
    ("check_value_out_of_range", "fail", "events", [event(900, 1, "2025-01-02", watch_minutes=-1)]),
    ("check_value_out_of_range", "fail", "events", [event(900, 1, "2025-01-02", quiz_score=101)]),
    ("check_value_missing", "fail", "events", [event(900, 1, "2025-01-02", "payment_failed")]),
    ("check_value_out_of_range", "fail", "events", [event(900, 1, "2025-01-02", "payment_success", amount=-3)]),
    ("check_value_zero", "fail", "events", [event(900, 1, "2025-01-02", "payment_success", amount=0)]),
    ("check_value_on_other_event", "warn", "events", [event(900, 1, "2025-01-02", amount=5)]),
    ("check_value_on_other_event", "fail", "events", [event(900 + i, 1, "2025-01-02", amount=5) for i in range(5)]),
    ("check_event_before_signup", "warn", "events", [event(900, 1, "2019-01-02")]),
    ("check_event_in_future", "warn", "events", [event(900, 1, "2999-01-02")]),
]


@pytest.mark.parametrize(("rule", "verdict", "table", "rows"), PLANTED)
def test_a_planted_fault_is_found_by_its_rule_and_by_no_other(
    tmp_path: Path, rule: str, verdict: str, table: str, rows: list[dict[str, object]]
) -> None:
    users, events = (USERS + rows, EVENTS) if table == "users" else (USERS, EVENTS + rows)
    found = verdicts(tmp_path, users, events)
    broken = {name: one.verdict for name, one in found.items() if one.verdict != "pass"}
    assert broken == {rule: verdict}
    assert found[rule].offences == len(rows)
    assert len(found[rule].examples) == min(3, len(rows))


def test_clean_data_breaks_no_rule_and_every_rule_is_planted_somewhere(tmp_path: Path) -> None:
    found = verdicts(tmp_path, USERS, EVENTS)
    assert {one.verdict for one in found.values()} == {"pass"}
    elsewhere = {f"check_{table}_{what}" for table in ("users", "events") for what in ("empty", "column_missing")}
    assert set(found) == {rule for rule, *_ in PLANTED} | elsewhere | {"check_logging_gap"}
    assert set(found) == {file.name for file in sql_files() if file.name.startswith("check_")}


def test_a_gap_in_logging_is_a_warning_that_names_its_days(tmp_path: Path) -> None:
    days = [date(2025, 1, 1) + timedelta(days=number) for number in range(90)]
    logged = [day for day in days if not date(2025, 2, 10) <= day <= date(2025, 2, 20)]
    rows = [event(number * 10 + copy, 1, f"{day}T12:00:00") for number, day in enumerate(logged) for copy in range(8)]
    rule = verdicts(tmp_path, USERS, rows)["check_logging_gap"]
    assert (rule.verdict, rule.offences) == ("warn", 1)
    assert rule.examples[0].startswith("11 days from 2025-02-10 to 2025-02-20 with 0 events where about 88 are usual")


def test_empty_tables_and_missing_columns_fail(tmp_path: Path) -> None:
    warehouse = open_warehouse(Settings(), tmp_path)
    (tmp_path / "users.csv").write_text("user_id,signup_date\n")
    (tmp_path / "events.csv").write_text("event_id,user_id,event_time,event_type\n")
    from churn_duck.ingestion.land import land_sources

    land_sources(warehouse, str(tmp_path / "users.csv"), str(tmp_path / "events.csv"), lambda step: None)
    with connected(warehouse) as con:
        rules = validate(con, warehouse)
    failed = {rule.rule for rule in rules if rule.verdict == "fail"}
    assert failed == {f"check_{t}_{what}" for t in ("users", "events") for what in ("empty", "column_missing")}
    with pytest.raises(ValidationFailed, match="check_users_empty"):
        require_valid(rules)


def test_a_plan_column_of_another_vocabulary_is_a_warning(tmp_path: Path) -> None:
    found = verdicts(tmp_path, [user(1, plan="gold"), user(2, plan="silver")], EVENTS)
    assert (found["check_attribute_unknown"].verdict, found["check_attribute_unknown"].offences) == ("warn", 2)


def test_a_few_free_payments_are_a_warning(tmp_path: Path) -> None:
    payments = [event(1000 + i, 2, "2025-01-02", "payment_success", amount=int(i > 0)) for i in range(60)]
    assert verdicts(tmp_path, USERS, EVENTS + payments)["check_value_zero"].verdict == "warn"
