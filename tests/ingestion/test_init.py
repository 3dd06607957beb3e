"""Files that nobody has described get a configuration that runs, and a list of what could not be told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl
import pytest
import yaml
from churn_duck_cli.main import _exit_code

from churn_duck.errors import LandingError
from churn_duck.ingestion.land import land_configured
from churn_duck.ingestion.profile import identifier
from churn_duck.ingestion.proposal_yaml import proposal_text
from churn_duck.ingestion.propose import Proposal, propose
from churn_duck.ingestion.return_times import Rhythm, horizon
from churn_duck.ingestion.validate import validate
from churn_duck.progress import no_progress
from churn_duck.settings.config import Settings
from churn_duck.settings.load import load_settings, parse_settings
from churn_duck.warehouse.build import build
from churn_duck.warehouse.store import connected, open_warehouse
from tests.unlike import invoices, sessions, subscriptions
from tests.worlds import builds_until

DAYS = 240


def proposed(events: Path, users: Path | None = None, **told: str) -> Proposal:
    return propose(str(events), str(users) if users else None, told, no_progress)


def settings_of(proposal: Proposal, folder: Path) -> Settings:
    """As a user gets them: through the file."""
    (folder / "proposed.yaml").write_text(proposal_text(proposal))
    return load_settings(folder / "proposed.yaml")


def counted(settings: Settings, root: Path) -> dict[str, int]:
    """What is in the warehouse after land, validate and build; no rule may fail."""
    warehouse = open_warehouse(settings, root)
    land_configured(warehouse, no_progress)
    with builds_until("50_training"), connected(warehouse) as con:
        assert [rule.rule for rule in validate(con, warehouse) if rule.verdict == "fail"] == []
        list(build(con, warehouse))
        query = "select (select count(*) from users_clean), (select count(*) from events_clean)"
        users, events = con.execute(query).fetchall()[0]
    return {"users": users, "events": events}


def test_a_subscription_app_runs_and_its_renewals_and_cancellations_are_no_activity(tmp_path: Path) -> None:
    people, events = subscriptions(tmp_path, users=60, days=DAYS)
    settings = settings_of(proposed(events, people), tmp_path)
    lines = [json.loads(line) for line in events.read_text().splitlines()]
    assert settings.users.id_type == "text"
    silent = [one.name for one in settings.measures if not one.activity]
    assert silent == ["renewal", "subscription_cancelled", "charged"]
    assert [one.name for one in settings.users.attributes] == ["tier", "seats"]
    assert [(one.name, one.events) for one in settings.measures if one.aggregate != "count"] == [
        ("charged", ["renewal"])
    ]
    assert counted(settings, tmp_path / "w") == {"users": 60, "events": len(lines)}


def test_a_game_runs_with_epochs_64_bit_players_and_partitions(tmp_path: Path) -> None:
    people, events = sessions(tmp_path, users=60, days=DAYS)
    settings = settings_of(proposed(events, people), tmp_path)
    rows = pl.read_parquet(events / "**/*.parquet").height
    assert settings.users.id_type == "integer"
    assert settings.sources.events.formats == {"event_time": "epoch_s"}
    assert {one.name: one.aggregate for one in settings.measures} == {"seconds_played": "sum", "levels_won": "sum"}
    assert counted(settings, tmp_path / "w") == {"users": 60, "events": rows}


def test_a_shop_runs_from_lines_of_invoices_alone(tmp_path: Path) -> None:
    events = invoices(tmp_path, users=60, days=DAYS)
    proposal = proposed(events)
    settings = settings_of(proposal, tmp_path)
    lines = pl.read_csv(events, separator=";")
    known = lines.filter(pl.col("Customer ID").is_not_null())
    assert settings.events.types == ["purchase", "return"]
    assert [one.name for one in settings.measures if not one.activity] == ["return"]
    assert settings.sources.events.formats == {"event_time": "%d/%m/%Y %H:%M"}
    assert any(f"{lines.height - known.height:,} of {lines.height:,} events have no user" in d for d in proposal.doubts)
    expected = {"users": known["Customer ID"].n_unique(), "events": known.height}
    assert counted(settings, tmp_path / "w") == expected


def test_events_of_users_who_are_not_in_the_table_are_left_out_and_told(tmp_path: Path) -> None:
    people, events = subscriptions(tmp_path, users=60, days=DAYS)
    some = tmp_path / "some.csv"
    some.write_text("".join(people.read_text().splitlines(keepends=True)[:41]))
    proposal = proposed(events, some)
    kept = sum(json.loads(line)["account"] < "acc-00040" for line in events.read_text().splitlines())
    assert any("are of users that the users lack" in doubt for doubt in proposal.doubts)
    assert counted(settings_of(proposal, tmp_path), tmp_path / "w") == {"users": 40, "events": kept}


def test_users_without_a_signup_date_get_their_first_event(tmp_path: Path) -> None:
    people, events = subscriptions(tmp_path, users=60, days=DAYS)
    frame = pl.read_csv(people).select("account", "tier")
    frame.write_csv(people)
    settings = settings_of(proposed(events, people), tmp_path)
    counted(settings, tmp_path / "w")
    with connected(open_warehouse(settings, tmp_path / "w")) as con:
        late = con.execute(
            "select count(*) from users_clean join (select user_id, min(event_date) as first_day from events_clean "
            "group by user_id) using (user_id) where signup_date <> first_day"
        ).fetchall()[0][0]
    assert late == 0


def test_rows_of_no_use_are_left_out_and_counted_so_that_the_proposal_runs(tmp_path: Path) -> None:
    rows = log()
    n = len(rows["user"])
    users: list[object] = [float("nan") if i % 10 == 0 else float(user) for i, user in enumerate(rows["user"])]  # type: ignore[arg-type]
    moments = ["soon" if i % 101 == 1 else str(moment) for i, moment in enumerate(rows["at"])]
    kinds = ["" if i % 103 == 2 else "look" for i in range(n)]
    events = frame_of(tmp_path, customer_id=users, at=moments, event_type=kinds)
    people = tmp_path / "people.csv"
    people.write_text("customer_id,signup_date\n" + "".join(f"{i},2023-12-01\n" for i in [*range(1, 100), 99]))
    proposal = proposed(events, people)
    told = " ".join(proposal.doubts)
    kept = sum(i % 10 != 0 and i % 101 != 1 and i % 103 != 2 for i in range(n))
    for what in ("events have no user", "events have no time", "events have no type", "1 of 100 users have no id"):
        assert what in told
    assert proposal.content["users"]["id_type"] == "integer"
    assert counted(settings_of(proposal, tmp_path), tmp_path / "w") == {"users": 99, "events": kept}


def test_objects_inside_json_lines_are_opened(tmp_path: Path) -> None:
    _, events = subscriptions(tmp_path, users=60, days=DAYS)
    lines = [json.loads(line) for line in events.read_text().splitlines()]
    folded = [
        {"type": line["action"], "created_at": line["at"], "actor": {"id": n % 7, "login": line["account"]}}
        for n, line in enumerate(lines)
    ]
    path = tmp_path / "forge.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in folded))
    settings = settings_of(proposed(path, user_id="actor.login"), tmp_path)
    assert settings.sources.events.columns["user_id"] == "actor.login"
    users = len({line["account"] for line in lines})
    assert counted(settings, tmp_path / "w") == {"users": users, "events": len(lines)}


def frame_of(tmp_path: Path, **columns: list[object]) -> Path:
    path = tmp_path / "events.parquet"
    pl.DataFrame(columns).write_parquet(path)
    return path


def log(**more: list[object]) -> dict[str, list[object]]:
    """400 days of three users who come every day."""
    moments = pl.datetime_range(pl.datetime(2024, 1, 1), pl.datetime(2025, 2, 3), "1d", eager=True).to_list()
    rows = [(user, moment) for moment in moments for user in (1, 2, 3)]
    return {"user": [row[0] for row in rows], "at": [row[1] for row in rows], **more}


@pytest.mark.parametrize(
    ("written", "way"),
    [
        (lambda moment: moment.strftime("%m/%d/%Y %H:%M"), "%m/%d/%Y %H:%M"),
        (lambda moment: moment.strftime("%d.%m.%Y"), "%d.%m.%Y"),
        (lambda moment: moment.strftime("%Y%m%d"), "%Y%m%d"),
        (lambda moment: int(moment.timestamp() * 1000), "epoch_ms"),
    ],
)
def test_the_way_in_which_moments_are_written_is_found(
    tmp_path: Path, written: Callable[[object], object], way: str
) -> None:
    rows = log()
    path = frame_of(tmp_path, **{**rows, "at": [written(moment) for moment in rows["at"]]})
    proposal = proposed(path, event_time="at")
    assert proposal.content["sources"]["events"]["formats"] == {"event_time": way}
    assert proposal.content["users"]["id_type"] == "integer"


def test_a_key_of_another_table_is_counted_and_not_added_up(tmp_path: Path) -> None:
    rows = log()
    n = len(rows["user"])
    path = frame_of(tmp_path, **rows, product_id=[i % 40 for i in range(n)], minutes=[float(i % 9) for i in range(n)])
    measures = {one["name"]: one["aggregate"] for one in proposed(path).content["measures"]}
    assert measures == {"minutes": "sum", "product_id_distinct": "distinct"}


def test_what_may_be_known_only_afterwards_is_no_attribute(tmp_path: Path) -> None:
    people = tmp_path / "users.parquet"
    pl.DataFrame(
        {
            "user": [1, 2, 3],
            "signup_date": ["2023-12-01"] * 3,
            "plan": ["a", "b", "a"],
            "final_result": ["pass", "fail", "pass"],
            "last_login": ["2024-01-01", "2024-02-01", "2024-03-01"],
            "total_spend": [1.5, 2.5, 3.5],
        }
    ).write_parquet(people)
    proposal = proposed(frame_of(tmp_path, **log()), people)
    assert proposal.content["users"]["attributes"] == [{"name": "plan", "type": "category"}]
    assert any("final_result, last_login, total_spend" in doubt for doubt in proposal.doubts)


def test_files_that_tell_no_user_or_no_time_are_refused_with_the_way_out(tmp_path: Path) -> None:
    rows = log()
    with pytest.raises(LandingError, match="--column user_id=NAME"):
        proposed(frame_of(tmp_path, wombat=rows["user"], at=rows["at"]))
    with pytest.raises(LandingError, match="--column event_time=NAME"):
        proposed(frame_of(tmp_path, user=rows["user"], wombat=rows["user"]))
    with pytest.raises(LandingError, match="has no column nobody; it has: user, at"):
        proposed(frame_of(tmp_path, **rows), event_id="nobody")


def test_a_file_without_a_header_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "edges.csv"
    path.write_text("1,2,1082040961\n3,4,1082155839\n")
    with pytest.raises(LandingError, match="has no header"):
        proposed(path)


def test_the_horizon_follows_how_users_return_and_what_the_history_allows() -> None:
    def of(days: int, gap: int | None) -> int | None:
        return horizon(Rhythm("2024-01-01", "2024-12-31", days, gap, 0))

    assert [of(365, 3), of(365, 45), of(400, 200)] == [30, 60, 90]
    assert [of(100, 3), of(60, 3), of(20, 3)] == [14, 7, None]


def test_names_become_identifiers() -> None:
    names = ["InvoiceNo", "Customer ID", "userID", "HTTPStatus", "2nd", "Ümlaut"]
    assert [identifier(name) for name in names] == [
        "invoice_no",
        "customer_id",
        "user_id",
        "http_status",
        "n_2nd",
        "mlaut",
    ]


def run(*arguments: object) -> int:
    return _exit_code([str(argument) for argument in arguments])


def test_the_command_writes_the_file_once_and_says_what_is_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = frame_of(tmp_path, **log()), tmp_path / "own.yaml"
    assert run("init", "--events", path, "--out", out) == 0
    assert f"churn-duck --config {out} run" in capsys.readouterr().out
    assert run("init", "--events", path, "--out", out) == 64
    assert "exists; give another --out, or --force" in " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert run("--json", "init", "--events", path, "--out", out, "--force") == 0
    assert parse_settings(json.loads(capsys.readouterr().out)["settings"], "test") == load_settings(out)
    assert yaml.safe_load(out.read_text())["churn"]["window_days"] == 30


@pytest.mark.whole
def test_the_rest_of_the_job_is_the_same_for_every_business(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    people, events = subscriptions(tmp_path, users=120, days=DAYS)
    out = tmp_path / "own.yaml"
    assert run("init", "--users", people, "--events", events, "--out", out) == 0
    assert run("--config", out, "--warehouse", tmp_path / "w", "run") == 0
    assert "eligible users scored" in capsys.readouterr().out
    with duckdb.connect(str(tmp_path / "w" / "churn.duckdb"), read_only=True) as con:
        risks = con.execute("select user_id, churn_risk from predictions").fetchall()
    assert risks
    assert all(user.startswith("acc-") and 0 <= risk <= 1 for user, risk in risks)
