"""The same training set made by other means: hand-tuned Polars, plain DuckDB window functions, pandas as it began.

All of them lay activity out on a dense grid of every user and day and roll over it. Each writes the eligible rows of
every snapshot with the features and labels of `training_dataset`, so that rows and sums can be compared.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    import polars as pl

WINDOWS, HORIZON, ACTIVE_WITHIN = (7, 14, 30), 30, 30
COUNTS = {
    "logins": "login",
    "enroll": "course_enroll",
    "quiz_attempts": "quiz_attempt",
    "payment_success": "payment_success",
    "payment_failed": "payment_failed",
    "support_ticket": "support_ticket",
}
SUMMED = ("is_active_day", "total_events", *COUNTS, "watch_minutes")


def _polars_days(load: Path) -> pl.DataFrame:
    """One row per user and active day."""
    import polars as pl  # noqa: PLC0415

    kind, day = pl.col("event_type"), pl.col("event_time").dt.date().alias("day")
    return (
        pl.scan_parquet(load / "events" / "*.parquet")
        .select("user_id", day, "event_type", "watch_minutes", "quiz_score")
        .group_by("user_id", "day")
        .agg(
            pl.len().cast(pl.Float32).alias("total_events"),
            *((kind == name).sum().cast(pl.Float32).alias(column) for column, name in COUNTS.items()),
            pl.col("watch_minutes").filter(kind == "video_watch").sum(),
            pl.col("quiz_score").filter(kind == "quiz_attempt").mean().alias("quiz_avg_score"),
        )
        .collect()
    )


def _polars_windows() -> list[pl.Expr]:
    """Rolling sums and means by user."""
    import polars as pl  # noqa: PLC0415

    rolled = [
        pl.col(name).rolling_sum(window, min_samples=1).over("user_id").alias(f"{name}_{window}d")
        for window in WINDOWS
        for name in SUMMED
    ]
    quiz = pl.col("quiz_avg_score")
    return rolled + [
        quiz.rolling_mean(window, min_samples=1).over("user_id").alias(f"quiz_avg_score_{window}d")
        for window in WINDOWS
    ]


def polars(load: Path, out: Path, step: int) -> None:
    """Lazy scan, eager grid in user and day order, rolling kernels by user, everything in narrow types."""
    import polars as pl  # noqa: PLC0415

    daily = _polars_days(load)
    users = pl.read_parquet(load / "users.parquet").sort("user_id")
    first, last = daily["day"].min(), daily["day"].max()
    days = pl.DataFrame({"day": pl.date_range(first, last, "1d", eager=True)})
    grid = (
        users.select("user_id")
        .join(days, how="cross", maintain_order="left_right")
        .join(daily, on=["user_id", "day"], how="left", maintain_order="left")
        .with_columns(pl.col("total_events").is_not_null().cast(pl.Float32).alias("is_active_day"))
        .with_columns(pl.col(name).fill_null(0) for name in SUMMED)
    )
    del daily
    seen = pl.when(pl.col("is_active_day") > 0).then(pl.col("day")).forward_fill().over("user_id").alias("last_day")
    ahead = pl.col("is_active_day").reverse().rolling_sum(HORIZON, min_samples=1).reverse().shift(-1).over("user_id")
    wanted = days.filter(
        (last - pl.col("day")).dt.total_days() >= HORIZON,
        ((last - pl.col("day")).dt.total_days() - HORIZON) % step == 0,
    )
    (
        grid.lazy()
        .with_columns(*_polars_windows(), seen, ahead.alias("future_active_days"))
        .filter(pl.col("day").is_in(wanted["day"].to_list()))
        .join(users.lazy(), on="user_id", how="inner")
        .with_columns(
            (pl.col("day") - pl.col("last_day")).dt.total_days().alias("days_since_last_activity"),
            (pl.col("day") - pl.col("signup_date")).dt.total_days().alias("days_since_signup"),
            (
                pl.col("payment_failed_30d") / (pl.col("payment_failed_30d") + pl.col("payment_success_30d"))
            ).fill_nan(0.0).alias("payment_fail_rate_30d"),
            (pl.col("future_active_days").fill_null(0) == 0).cast(pl.Int32).alias("churn_label"),
        )
        .filter(pl.col("days_since_last_activity") < ACTIVE_WITHIN, pl.col("days_since_signup") >= 0)
        .rename({"day": "as_of_date"})
        .drop("last_day", "future_active_days")
        .collect()
        .write_parquet(out, compression="zstd")
    )  # fmt: skip


def duckdb_windows(load: Path, out: Path, step: int) -> None:
    """One query: aggregate, grid, named windows over days, filter to the snapshots."""
    counts = ",\n".join(f"count(*) filter (event_type = '{kind}') as {name}" for name, kind in COUNTS.items())
    rolled = ",\n".join(
        f"sum({name}) over w{window} as {name}_{window}d" for window in WINDOWS for name in SUMMED
    ) + "".join(f",\navg(quiz_avg_score) over w{window} as quiz_avg_score_{window}d" for window in WINDOWS)
    windows = ",\n".join(
        f"w{window} as (partition by user_id order by day rows between {window - 1} preceding and current row)"
        for window in WINDOWS
    )
    filled = ",\n".join(f"coalesce({name}, 0) as {name}" for name in SUMMED if name != "is_active_day")
    with duckdb.connect(config={"temp_directory": str(out.parent / "spill")}) as con:
        con.execute("set preserve_insertion_order = false")
        con.execute(f"""copy (
            with daily as (
                select user_id, cast(event_time as date) as day, count(*) as total_events, {counts},
                    coalesce(sum(watch_minutes) filter (event_type = 'video_watch'), 0) as watch_minutes,
                    avg(quiz_score) filter (event_type = 'quiz_attempt') as quiz_avg_score
                from read_parquet('{load}/events/*.parquet') group by user_id, day
            ),
            users as (from read_parquet('{load}/users.parquet')),
            days as (
                select cast(unnest(generate_series(min(day), max(day), interval 1 day)) as date) as day,
                    max(day) as last_day from daily
            ),
            grid as (
                select users.user_id, days.day, days.last_day, cast(daily.user_id is not null as integer)
                    as is_active_day, {filled}, daily.quiz_avg_score
                from users cross join days left join daily on daily.user_id = users.user_id and daily.day = days.day
            ),
            rolled as (
                select *, {rolled},
                    max(case when is_active_day = 1 then day end) over (
                        partition by user_id order by day rows unbounded preceding) as seen,
                    coalesce(sum(is_active_day) over (
                        partition by user_id order by day rows between 1 following and {HORIZON} following), 0) as ahead
                from grid window {windows}
            )
            select rolled.* exclude (day, last_day, seen, ahead), day as as_of_date, users.* exclude (user_id),
                day - seen as days_since_last_activity, day - signup_date as days_since_signup,
                coalesce(payment_failed_30d / nullif(payment_failed_30d + payment_success_30d, 0), 0)
                    as payment_fail_rate_30d, cast(ahead = 0 as integer) as churn_label
            from rolled join users using (user_id)
            where last_day - day >= {HORIZON} and (last_day - day - {HORIZON}) % {step} = 0
                and day - seen < {ACTIVE_WITHIN} and signup_date <= day
        ) to '{out}' (format parquet, compression zstd)""")


def pandas(load: Path, out: Path, step: int) -> None:
    """As the original system did it: a grid, then one rolling window after another by group."""
    import pandas as pd  # noqa: PLC0415

    events = pd.concat([pd.read_parquet(path) for path in sorted((load / "events").glob("*.parquet"))])
    users = pd.read_parquet(load / "users.parquet")
    events["day"] = events["event_time"].dt.normalize()
    keys = ["user_id", "day"]
    daily = events.groupby(keys).size().rename("total_events").to_frame()
    for column, kind in COUNTS.items():
        daily[column] = events[events["event_type"] == kind].groupby(keys).size()
    daily["watch_minutes"] = events[events["event_type"] == "video_watch"].groupby(keys)["watch_minutes"].sum()
    daily["quiz_avg_score"] = events[events["event_type"] == "quiz_attempt"].groupby(keys)["quiz_score"].mean()
    days = pd.date_range(events["day"].min(), events["day"].max())
    grid = pd.MultiIndex.from_product([users["user_id"], days], names=keys)
    frame = daily.reindex(grid).reset_index()
    frame["is_active_day"] = frame["total_events"].notna().astype("int64")
    frame[list(SUMMED)] = frame[list(SUMMED)].fillna(0)
    by_user = frame.groupby("user_id", sort=False)
    for window in WINDOWS:
        for name in SUMMED:
            rolled = by_user[name].rolling(window, min_periods=1).sum()
            frame[f"{name}_{window}d"] = rolled.reset_index(level=0, drop=True)
        mean = by_user["quiz_avg_score"].rolling(window, min_periods=1).mean()
        frame[f"quiz_avg_score_{window}d"] = mean.reset_index(level=0, drop=True)
    frame["seen"] = frame["day"].where(frame["is_active_day"] > 0)
    frame["seen"] = frame.groupby("user_id", sort=False)["seen"].ffill()
    turned = frame[::-1].groupby("user_id", sort=False)["is_active_day"].rolling(HORIZON, min_periods=1).sum()
    frame["ahead"] = turned.reset_index(level=0, drop=True)
    frame["ahead"] = frame.groupby("user_id", sort=False)["ahead"].shift(-1).fillna(0)
    frame = frame.merge(users, on="user_id")
    left = (days[-1] - frame["day"]).dt.days - HORIZON
    frame["days_since_last_activity"] = (frame["day"] - frame["seen"]).dt.days
    frame["days_since_signup"] = (frame["day"] - pd.to_datetime(frame["signup_date"])).dt.days
    paid = frame["payment_failed_30d"] + frame["payment_success_30d"]
    frame["payment_fail_rate_30d"] = (frame["payment_failed_30d"] / paid.where(paid > 0)).fillna(0)
    frame["churn_label"] = (frame["ahead"] == 0).astype("int32")
    kept = (left >= 0) & (left % step == 0) & (frame["days_since_last_activity"] < ACTIVE_WITHIN)
    kept &= frame["days_since_signup"] >= 0
    frame = frame[kept].rename(columns={"day": "as_of_date"}).drop(columns=["seen", "ahead"])
    frame.to_parquet(out, compression="zstd")


PEERS: dict[str, Callable[[Path, Path, int], None]] = {
    "polars": polars,
    "duckdb windows": duckdb_windows,
    "pandas": pandas,
}
