"""The features that raise each user's risk most: gathered, proven to add up, and kept beside the scores."""

from __future__ import annotations

from pathlib import Path

import duckdb

from churn_duck.errors import AuditFailed
from churn_duck.model.explain import Explainer, exact
from churn_duck.model.inference import BATCH_ROWS, explained, feature_query
from churn_duck.model.onnx_model import OnnxModel
from churn_duck.warehouse.export import batches_of, write_batches
from churn_duck.warehouse.query import literal

SUM_GATE = 1e-6
# between the sigmoid of the model and that of SQL
RISK_GATE = 1e-9


def explain_run(
    con: duckdb.DuckDBPyConnection, model: OnnxModel, explainer: Explainer, top_k: int, scratch: Path
) -> None:
    """Make `explained_run` and `reasons_run` beside `scoring_run`, from the Parquet files that `write_risks` left.

    The first `top_k` users are explained once more, exactly, where the fast method is not exact.
    """
    everyone = f"select *, {literal(explainer.method)} as method from {_files(scratch)}"
    better = exact(model)
    if better.method != explainer.method:
        (scratch / "top").mkdir()
        _write_top(con, model, better, top_k, scratch / "top" / "exact.parquet")
        top = f"select *, {literal(better.method)} as method from {_files(scratch / 'top')}"
        everyone = f"({everyone} anti join {_files(scratch / 'top')} as top using (user_id)) union all ({top})"
    con.execute(f"""create or replace temp table explained_run as
        select
            scoring_run.user_id,
            scoring_run.as_of_date,
            scoring_run.model_version,
            scoring_run.scored_at,
            explained.method,
            explained.log_odds,
            cast({explainer.base!r} as double) as base,
            explained.other_contributions,
            explained.features,
            explained.readings,
            explained.contributions
        from scoring_run
        inner join ({everyone}) as explained using (user_id)""")
    list_reasons(con, model)


def _files(folder: Path) -> str:
    return f"read_parquet({literal(str(folder / '*.parquet'))})"


def _write_top(con: duckdb.DuckDBPyConnection, model: OnnxModel, better: Explainer, top_k: int, path: Path) -> None:
    first = f"user_id in (select user_id from scoring_run where risk_rank <= {int(top_k)})"
    query = feature_query(model.schema, "scoring_dataset", first) + " order by user_id"
    write_batches((explained(batch, model, better) for batch in batches_of(con, query, BATCH_ROWS)), path)


def list_reasons(con: duckdb.DuckDBPyConnection, model: OnnxModel) -> None:
    """One row a reason; levels are read from the user, since a code does not tell unseen levels apart."""
    levels = "".join(f"when {literal(name)} then users_clean.{name} " for name, _ in model.schema.categorical)
    number = "regexp_replace(cast(listed.reading as varchar), '\\.0$', '')"
    con.execute(f"""create or replace temp table reasons_run as
        with listed as (
            select
                user_id,
                as_of_date,
                model_version,
                scored_at,
                method,
                generate_subscripts(features, 1) as reason_rank,
                unnest(features) + 1 as place,
                unnest(readings) as reading,
                unnest(contributions) as contribution
            from explained_run
        ),

        named as (
            select
                *,
                ({literal(model.schema.names)})[place] as feature,
                ({literal(_typical(model))})[place] as typical
            from listed
            where contribution > 0
        )

        select
            listed.user_id,
            listed.as_of_date,
            listed.model_version,
            listed.scored_at,
            listed.reason_rank,
            listed.feature,
            {f"case listed.feature {levels} else {number} end" if levels else number} as value,
            listed.typical,
            listed.contribution,
            listed.method
        from named as listed
        inner join users_clean using (user_id)""")


def _typical(model: OnnxModel) -> list[str | None]:
    """Of each feature as text: the mean as it is read, or the most frequent level."""
    told = model.metadata["reasons"]
    numbers = [None if value is None else f"{value:.6g}" for value in told["typical"]]
    levels = [
        max(zip(shares, names, strict=True))[1]
        for shares, (_, names) in zip(told["shares"], model.schema.categorical, strict=True)
    ]
    return [*numbers, *levels]


def audit_sums(con: duckdb.DuckDBPyConnection) -> None:
    """Raises AuditFailed unless every score is explained, and its contributions add up to what the model said."""
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
            f"of the scores, {unexplained} have no reasons, {not_summing} have contributions that do not add up to the "
            f"model's log-odds, {other_risk} have other log-odds than their risk; nothing was kept"
        )


def append_reasons(con: duckdb.DuckDBPyConnection) -> None:
    """Add the run to what is kept; part of the transaction that adds it to the ledger."""
    con.execute("""insert into explained_scores
        select user_id, as_of_date, model_version, scored_at, method, log_odds, base, other_contributions
        from explained_run""")
    con.execute("""insert into reasons
        select
            user_id, as_of_date, model_version, scored_at, reason_rank, feature, value, typical, contribution, method
        from reasons_run""")
