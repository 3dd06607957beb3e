"""Reasons: the features that raise each user's risk most, audited to add up and stored beside the scores."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb

from churn_duck.errors import AuditFailed
from churn_duck.model.explain import Explainer, exact
from churn_duck.model.inference import BATCH_ROWS, explained, feature_query
from churn_duck.model.onnx_model import OnnxModel
from churn_duck.warehouse.catalog import render, sql_folder
from churn_duck.warehouse.export import batches_of, write_batches

SUM_GATE = 1e-6
# between the sigmoid of the model and that of SQL
RISK_GATE = 1e-9


def explain_run(
    con: duckdb.DuckDBPyConnection, model: OnnxModel, explainer: Explainer, top_k: int, scratch: Path
) -> None:
    """Create `explained_run` and `reasons_run` beside `scoring_run`, from the Parquet files of `write_risks`.

    Where the fast method is not exact, the first `top_k` users are explained by the exact one.
    """
    exact_explainer = exact(model)
    top_files = None
    if exact_explainer.method != explainer.method:
        (scratch / "top").mkdir()
        _write_top(con, model, exact_explainer, top_k, scratch / "top" / "exact.parquet")
        top_files = str(scratch / "top" / "*.parquet")
    _run_template(
        con,
        "explained_run",
        {
            "files": str(scratch / "*.parquet"),
            "method": explainer.method,
            "top_files": top_files,
            "top_method": exact_explainer.method,
            "base": explainer.base,
        },
    )
    list_reasons(con, model)


def _write_top(con: duckdb.DuckDBPyConnection, model: OnnxModel, exact_one: Explainer, top_k: int, path: Path) -> None:
    top_list = f"user_id in (select user_id from scoring_run where risk_rank <= {int(top_k)})"
    query = feature_query(model.schema, "scoring_dataset", top_list) + " order by user_id"
    write_batches((explained(batch, model, exact_one) for batch in batches_of(con, query, BATCH_ROWS)), path)


def list_reasons(con: duckdb.DuckDBPyConnection, model: OnnxModel) -> None:
    """Create `reasons_run`, one row per reason, from `explained_run`."""
    _run_template(
        con,
        "reasons_run",
        {
            "feature_names": list(model.schema.names),
            "typical_values": _typical(model),
            "categorical_names": [name for name, _ in model.schema.categorical],
        },
    )


def _run_template(con: duckdb.DuckDBPyConnection, name: str, context: Mapping[str, object]) -> None:
    con.execute(render(sql_folder() / "shared" / f"{name}.sql.jinja", context))


def _typical(model: OnnxModel) -> list[str | None]:
    """Returns the typical value of each feature as text: the mean, or the most frequent level."""
    reasons = model.metadata["reasons"]
    numbers = [None if value is None else f"{value:.6g}" for value in reasons["typical"]]
    levels = [
        max(zip(shares, names, strict=True))[1]
        for shares, (_, names) in zip(reasons["shares"], model.schema.categorical, strict=True)
    ]
    return [*numbers, *levels]


def audit_sums(con: duckdb.DuckDBPyConnection) -> None:
    """Raises AuditFailed unless every score is explained and its contributions add up to the model's log-odds."""
    unexplained, not_summing, other_risk = con.execute(f"""
        with reasons as (
            select
                user_id,
                sum(contribution) as contributions
            from reasons_run
            group by user_id
        ),

        summed as (
            select
                scoring_run.churn_risk,
                run.log_odds,
                run.base + coalesce(reasons.contributions, 0) + run.other_contributions as total
            from scoring_run
            left join explained_run as run using (user_id)
            left join reasons using (user_id)
        )

        select
            count(*) filter (where log_odds is null),
            -- of log-odds in the millions a double keeps fewer decimals
            count(*) filter (where (abs(total - log_odds) <= {SUM_GATE} * greatest(1, abs(log_odds))) is not true),
            count(*) filter (where (abs(1 / (1 + exp(-log_odds)) - churn_risk) <= {RISK_GATE}) is not true)
        from summed""").fetchall()[0]
    if unexplained or not_summing or other_risk:
        raise AuditFailed(
            f"{unexplained} scores are not explained, {not_summing} have contributions that do not add up to the "
            f"model's log-odds, {other_risk} have log-odds that contradict their risk; nothing was saved"
        )


def append_reasons(con: duckdb.DuckDBPyConnection) -> None:
    """Append the run to `explained_scores` and `reasons`, in the transaction that appends it to the ledger."""
    con.execute("""insert into explained_scores by name
        select user_id, as_of_date, model_version, scored_at, method, log_odds, base, other_contributions
        from explained_run""")
    con.execute("""insert into reasons by name
        select
            user_id, as_of_date, model_version, scored_at, reason_rank, feature, value, typical, contribution, method
        from reasons_run""")
