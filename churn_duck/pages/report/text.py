"""Sentences of the report: its four headlines, reasons for empty sections, and notes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from churn_duck.pages.html import NARROW, bounds, count, number, percent
from churn_duck.pages.report.rows import BandRow, Evidence, Gathered, Headline, MoveRow

OLD_LIST_DAYS = 7
INVENTED = "Demo data: these users are invented, and the figures are not those of a real business."


def headlines(report: Evidence) -> list[Headline]:
    """Returns a headline each for risk, drift, performance and data."""
    return [_risk(report), _drift(report), _performance(report), _data(report)]


def _headline(question: str, grade: str, answer: str, because: str) -> Headline:
    return {"question": question, "grade": grade, "answer": answer, "because": because}


def _risk(report: Evidence) -> Headline:
    question, scored = "How many are at high risk?", report["scored"]
    if scored is None:
        return _headline(question, "none", "Nobody has been scored", "The list is empty until users are scored.")
    high: dict[date | None, BandRow] = {row["as_of_date"]: row for row in report["bands"] if row["band"] == "high"}
    now, before = high[scored["as_of_date"]], high.get(scored["earlier_date"])
    because = (
        f"{percent(now['user_share'])} of {count(scored['scored_users'])} scored users, at a risk of "
        f"{percent(now['from_risk'], 0)} or more."
    )
    answer = f"{count(now['band_users'])}{_change(now['band_users'], before)}"
    return _headline(question, "plain", answer, because)


def _change(users: int, before: BandRow | None) -> str:
    if before is None:
        return ""
    change = users - before["band_users"]
    if change == 0:
        return f", as many as on {before['as_of_date']}"
    return f", {count(abs(change))} {'more' if change > 0 else 'fewer'} than on {before['as_of_date']}"


def _drift(report: Evidence) -> Headline:
    question = "Does the data still look like the training data?"
    if not report["drift"]:
        return _headline(question, "none", "Not checked yet", "No day has been compared with the training data.")
    last = report["drift"][-1]["as_of_date"]
    newest = [row for row in report["drift"] if row["as_of_date"] == last]
    named = {verdict: [row["name"] for row in newest if row["verdict"] == verdict] for verdict in ("FAIL", "WARN")}
    checks = f"{count(len(newest))} checks on {last}."
    if named["FAIL"]:
        return _headline(question, "bad", f"No: {_listed(named['FAIL'])}", checks)
    if named["WARN"]:
        return _headline(question, "fair", f"Mostly; check {_listed(named['WARN'])}", checks)
    return _headline(question, "good", "Yes", f"{checks} None exceeds sampling noise and normal variation.")


def _listed(names: Sequence[str], most: int = 2) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _performance(report: Evidence) -> Headline:
    question = "Did the users on the list leave?"
    known = [row for row in report["performance"] if row["metric"] == "pr_auc" and row["realised"] is not None]
    if not known:
        why = empty(report).get("performance")
        answer = "Not known yet" if why else "There is nothing to rank"
        return _headline(question, "none", answer, why or "On the lists so far nobody left, or everybody did.")
    row, realised = known[-1], known[-1]["realised"] or 0.0
    span = f" ({bounds((row['realised_low'], row['realised_high']), 2)})" if row["realised_low"] is not None else ""
    because = (
        f"For the list of {row['as_of_date']}: PR-AUC {number(row['realised'], 2)}{span}, the recency rule "
        f"{number(row['recency_rule'], 2)}."
    )
    if row["recency_rule"] is not None and realised <= row["recency_rule"]:
        return _headline(question, "bad", "No better than calling the longest-silent users first", because)
    if row["gain_low"] is not None and row["gain_low"] <= 0:
        because += f" The difference may be noise: its 95{NARROW}% interval starts at {number(row['gain_low'])}."
        return _headline(question, "bad", "Not proven to beat the recency rule", because)
    if row["expected"] is None:
        return _headline(question, "plain", "Better than by silence alone", because)
    high = row["realised_high"] if row["realised_high"] is not None else realised
    because += f" Its test predicted {number(row['expected'], 2)}."
    if high < row["expected"]:
        return _headline(question, "fair", "Worse than its test predicted", because)
    return _headline(question, "good", "Yes, as its test predicted", because)


def _data(report: Evidence) -> Headline:
    question, health = "Can the data be trusted?", report["health"]
    failed = [row["rule"] for row in health["rules"] if row["verdict"] == "fail"]
    warned = [row["rule"] for row in health["rules"] if row["verdict"] == "warn"]
    behind = (report["as_of_date"] - health["last_event_date"]).days
    summary = f"Events up to {health['last_event_date']}; {count(len(health['rules']))} rules were checked."
    if failed or behind > 1:
        silent = [f"no event for {count(behind)} days"] if behind > 1 else []
        broken = [f"failed: {_listed([name.removeprefix('check_') for name in failed])}"] if failed else []
        return _headline(question, "bad", f"No, {' and '.join([*silent, *broken])}", summary)
    if warned:
        answer = f"Mostly; check {_listed([name.removeprefix('check_') for name in warned])}"
        return _headline(question, "fair", answer, summary)
    return _headline(question, "good", "Yes, all rules pass", summary)


def empty(report: Evidence) -> dict[str, str]:
    """Returns the reason why a section is empty, by section; sections with data are left out."""
    return dict(_empty(report))


def _empty(report: Evidence) -> Iterator[tuple[str, str]]:
    scored, end = report["scored"], report["as_of_date"]
    if scored is None:
        nobody, days = f"Nobody has been scored up to {end}", report["churn_window_days"]
        yield "list", f"{nobody}, so there is nobody to call."
        yield "bands", f"{nobody}, so nobody has a risk."
        yield "moves", f"{nobody}. Movements show after two scored days."
        yield "performance", f"{nobody}. Outcomes are known {days} days after the scored day."
    elif scored["earlier_date"] is None:
        yield "moves", f"{scored['as_of_date']} is the first scored day. Movements show from the second one on."
    if not report["drift"]:
        yield (
            "drift",
            (
                f"No day up to {end} has been compared with the training data of the production model."
                if report["production"]
                else "No model is in production, so there is nothing to compare a day with."
            ),
        )
    if scored is not None and not any(row["realised"] is not None for row in report["performance"]):
        yield "performance", _waiting(report)


def _waiting(report: Evidence) -> str:
    waited = [row for row in report["performance"] if row["days_until_mature"]]
    if not report["performance"]:
        return "The scored days are of models with another churn window, for which there are no labels."
    first = min(row["matures_on"] for row in waited)
    return (
        f"No label is known yet: a label needs {report['churn_window_days']} days after the scored day, and the first "
        f"ones will be known on {first}."
    )


def command(report: Evidence, section: str) -> str:
    """Returns the command that fills an empty section."""
    needs_model = report["production"] is None
    if section == "drift":
        return "churn-duck run && churn-duck drift" if needs_model else "churn-duck drift"
    if section == "performance" and report["scored"] is not None:
        return "churn-duck land --users FILE --events FILE"
    return "churn-duck run" if needs_model else "churn-duck score"


def notes(report: Evidence) -> list[str]:
    """Returns the notes of the report."""
    return list(_notes(report))


def _notes(report: Evidence) -> Iterator[str]:
    scored = report["scored"]
    if report["is_invented"]:
        yield INVENTED
    if scored is None:
        return
    age = (report["as_of_date"] - scored["as_of_date"]).days
    if age > OLD_LIST_DAYS:
        yield f"The list is {age} days old. Run churn-duck score for a new one."
    if scored["earlier_model_version"] not in (None, scored["model_version"]):
        yield (
            f"The model changed between {scored['earlier_date']} and {scored['as_of_date']}, from "
            f"{scored['earlier_model_version']} to {scored['model_version']}. Some movements come from the model."
        )
    checked = max((row["as_of_date"] for row in report["drift"]), default=None)
    if checked is not None and checked < scored["as_of_date"]:
        yield f"Drift was last checked on {checked}, before the day of the list. Run churn-duck drift to check it."


def why_moved(report: Gathered) -> str:
    """Returns the movements into and out of high risk in a sentence."""
    moves = [row for row in report["moves"] if row["earlier_band"] != row["band"]]
    entered = [row for row in moves if row["band"] == "high"]
    left = [row for row in moves if row["earlier_band"] == "high"]
    return f"High risk gained {_by_movement(entered)} and lost {_by_movement(left)}."


def _by_movement(moves: Sequence[MoveRow]) -> str:
    totals: dict[str, int] = {}
    for row in moves:
        totals[row["movement"]] = totals.get(row["movement"], 0) + row["moved_users"]
    parts = ", ".join(f"{count(users)} {movement}" for movement, users in sorted(totals.items()))
    return f"{count(sum(totals.values()))} ({parts})" if parts else "nobody"
