"""Score the eligible users of one day with the production model, and audit that exactly they were scored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import numpy as np

from churn_duck.errors import AuditFailed, ModelError
from churn_duck.model.explain import explainer as fast_explainer
from churn_duck.model.inference import feature_query, matrix, write_risks
from churn_duck.model.onnx_model import OnnxModel
from churn_duck.model.registry import Version, require_production
from churn_duck.progress import Progress
from churn_duck.scoring.expected_performance import append_estimates
from churn_duck.scoring.reasons import append_reasons, audit_sums, explain_run
from churn_duck.settings.config import Settings
from churn_duck.warehouse.as_of import set_as_of_date
from churn_duck.warehouse.export import copy_to
from churn_duck.warehouse.query import literal, records
from churn_duck.warehouse.store import Warehouse, transaction, utc_now
from churn_duck.warehouse.user_batches import parts

AUDIT_SAMPLE = 50


@dataclass(frozen=True)
class Scored:
    """The result of one scoring: figures, the model, and the files written."""

    as_of_date: date
    model_version: str
    rows: int
    mean_risk: float
    high_risk_rows: int
    added_to_ledger: bool
    files: list[Path]


def score(
    con: duckdb.DuckDBPyConnection, warehouse: Warehouse, as_of: date | None, top_k: int | None, progress: Progress
) -> Scored:
    """Score, audit, append to the ledger and write the prediction files.

    Raises: ModelError without a suitable production model; AuditFailed unless each eligible user has exactly one score.
    """
    end = set_as_of_date(con, warehouse, as_of)
    version = require_production(con, warehouse)
    if version.as_of_date > end:
        raise ModelError(
            f"production {version.model_version} has seen data up to {version.as_of_date}, after {end}; "
            "score at a later --as-of, or score the past in another warehouse"
        )
    model = version.scoring_model()
    explainer = fast_explainer(model)
    top_k = top_k or warehouse.settings.scoring.top_k
    if not model.answers(warehouse.settings):
        raise ModelError(
            f"production {version.model_version} was trained for different settings (churn, population or features); "
            "run: churn-duck train, then churn-duck promote"
        )
    progress("scoring the eligible users")
    with TemporaryDirectory(dir=warehouse.root, prefix=".scoring-") as scratch:
        write_risks(con, model, _queries(con, model), Path(scratch), explainer)
        _rank(con, Path(scratch), version)
        progress(f"explaining the top {top_k}")
        explain_run(con, model, explainer, top_k, Path(scratch))
    _audit(con, model)
    progress("writing predictions")
    added = _append(con, warehouse.settings)
    files = _export(con, warehouse, end, top_k)
    return _summary(con, warehouse, end, version, added, files)


def _queries(con: duckdb.DuckDBPyConnection, model: OnnxModel) -> Iterator[str]:
    for part in parts(con, "scoring_dataset"):
        # ordered, since the last digit of a risk depends on a row's place in its batch
        yield feature_query(model.schema, "scoring_dataset", part.where) + " order by user_id"


def _rank(con: duckdb.DuckDBPyConnection, scratch: Path, version: Version) -> None:
    con.execute(f"""create or replace temp table scoring_run as
        select
            scored.user_id,
            period.as_of_date,
            {literal(version.model_version)} as model_version,
            scored.churn_risk,
            row_number() over (order by scored.churn_risk desc, scored.user_id) as risk_rank,
            cast({literal(str(utc_now()))} as timestamp) as scored_at
        from read_parquet({literal(str(scratch / "*.parquet"))}) as scored
        cross join period""")


def _audit(con: duckdb.DuckDBPyConnection, model: OnnxModel) -> None:
    """Raises AuditFailed unless the run holds every eligible user once and a rescored sample has the same risks."""
    counts = con.execute("""
        with to_score as (
            select user_id, as_of_date
            from eligible_features((select list(period.as_of_date) from period))
        )

        select
            (select count(*) from to_score) as to_score,
            count(*) as scored,
            count(distinct user_id) as users,
            count(*) filter (where (churn_risk between 0 and 1) is not true) as no_risk,
            (select count(*) from scoring_run anti join to_score using (user_id, as_of_date)) as strangers
        from scoring_run""").fetchall()[0]
    to_score, scored, users, no_risk, strangers = counts
    if to_score != scored or users != scored or no_risk or strangers:
        raise AuditFailed(
            f"{to_score} eligible users, but {scored} scores of {users} users, {no_risk} without a probability, "
            f"{strangers} not eligible; nothing was saved"
        )
    _rescore_sample(con, model)
    audit_sums(con)


def _rescore_sample(con: duckdb.DuckDBPyConnection, model: OnnxModel) -> None:
    sample = con.execute(
        f"select user_id, churn_risk from scoring_run order by hash(user_id), user_id limit {AUDIT_SAMPLE}"
    ).fetchall()
    risks = dict(sample)
    where = f"user_id in (select unnest({literal(sorted(risks))}))"
    for batch in con.sql(feature_query(model.schema, "scoring_dataset", where)).to_arrow_reader() if risks else ():
        for user, row in zip(batch.column("user_id").to_pylist(), matrix(batch, model.schema.names), strict=True):
            again = float(model.risk(row[np.newaxis])[0])
            if abs(again - risks[user]) > 1e-9:
                raise AuditFailed(f"user {user} was scored {risks[user]}, and {again} when alone; nothing was saved")


def _append(con: duckdb.DuckDBPyConnection, settings: Settings) -> bool:
    """Append the run and its estimates to the ledger, unless the day's newest scoring has the same model and risks."""
    with transaction(con):
        changed = con.execute("""
            with newest as (
                select user_id, model_version, churn_risk
                from predictions
                semi join explained_scores using (user_id, as_of_date, model_version, scored_at)
                where as_of_date in (select as_of_date from period)
            )

            select count(*)
            from scoring_run
            full join newest using (user_id, model_version)
            where scoring_run.churn_risk is distinct from newest.churn_risk""").fetchall()[0][0]
        if changed:
            con.execute("""insert into scores by name
                select user_id, as_of_date, model_version, churn_risk, risk_rank, scored_at
                from scoring_run order by risk_rank""")
            append_reasons(con)
            # now, before any label can be known
            append_estimates(con, settings.churn.window_days, settings.training.random_state)
    return bool(changed)


def _export(con: duckdb.DuckDBPyConnection, warehouse: Warehouse, end: date, top_k: int) -> list[Path]:
    # once for all files: features and sentences take most of the time
    con.execute(f"create or replace temp table ranked_run as from ranked_users(date {literal(end)})")
    ranked = "from ranked_run order by risk_rank"
    top = f"{ranked} limit {top_k}"
    queries = {
        f"churn_predictions_{end}.parquet": ranked,
        f"churn_predictions_{end}.csv": ranked,
        f"churn_top_{top_k}_{end}.parquet": top,
        f"churn_top_{top_k}_{end}.csv": top,
        "batch_predictions_latest.csv": ranked,
    }
    for name, query in queries.items():
        copy_to(con, query, warehouse.predictions / name)
    con.execute("drop table ranked_run")
    return [warehouse.predictions / name for name in queries]


def _summary(
    con: duckdb.DuckDBPyConnection, warehouse: Warehouse, end: date, version: Version, added: bool, files: list[Path]
) -> Scored:
    rows, mean, high = con.execute(
        "select count(*), coalesce(avg(churn_risk), 0), count(*) filter (where churn_risk >= ?) from scoring_run",
        [warehouse.settings.scoring.high_risk_threshold],
    ).fetchall()[0]
    return Scored(end, version.model_version, rows, mean, high, added, files)


def top_rows(con: duckdb.DuckDBPyConnection, day: date, limit: int) -> list[dict[str, object]]:
    """Returns the users most at risk in the newest scoring of that day."""
    return records(con, f"from ranked_users(date {literal(day)}) order by risk_rank limit {int(limit)}")
