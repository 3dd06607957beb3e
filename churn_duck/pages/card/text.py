"""Sentences of a model card: its verdicts, warnings and limitations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from churn_duck.evaluation.bootstrap import REPLICATES
from churn_duck.pages.html import bounds, count, number, percent

Card = Mapping[str, Any]
YEAR_DAYS, FEW_CHURNERS, FEW_DATES = 365, 100, 3


def verdicts(card: Card) -> list[dict[str, str]]:
    """Returns the three verdicts; `grade` is good, fair or bad."""
    return [_beats_the_rule(card), _is_a_probability(card), _saves_calls(card)]


def _verdict(question: str, grade: str, answer: str, because: str) -> dict[str, str]:
    return {"question": question, "grade": grade, "answer": answer, "because": because}


def _beats_the_rule(card: Card) -> dict[str, str]:
    own = card["figures"]["eligible"]
    rule, gain = own["recency_rule"], own["intervals"]["pr_auc_gain"]
    because = (
        f"PR-AUC {number(own['pr_auc'])} against {number(rule['pr_auc'])} of the rule that calls the "
        f"longest-silent users first. The gain is {number(own['pr_auc_gain'])} "
        f"({bounds(gain)} in 95 % of user resamples)."
    )
    question = "Does it beat calling the longest-silent users?"
    if own["beats_recency_rule"]:
        return _verdict(question, "good", "Yes, beyond its interval", because)
    if gain[0] > 0:
        return _verdict(question, "bad", "Not proven: in PR-AUC yes, in ROC-AUC no", because)
    return _verdict(question, "bad", "No: the recency rule ranks as well", because)


def _is_a_probability(card: Card) -> dict[str, str]:
    own = card["figures"]["eligible"]
    slope, intercept = own["intervals"]["slope"], own["intervals"]["intercept"]
    because = (
        f"{_top_tenth(own)} On average its risks are {_points(own['ece'])} off (ECE); the calibration line has slope "
        f"{number(own['slope'], 2)} ({bounds(slope, 2)}), where 1 is perfect."
    )
    question = "Are its risks accurate probabilities?"
    if own["log_loss"] >= own["base_rate"]["log_loss"]:
        return _verdict(question, "bad", "No: worse than predicting the base rate for everybody", because)
    if own["ece"] > card["max_ece"]:
        return _verdict(question, "bad", f"No: its risks are {_points(own['ece'])} off on average", because)
    if slope[0] <= 1 <= slope[1] and intercept[0] <= 0 <= intercept[1]:
        return _verdict(question, "good", "Yes, within the precision of its test", because)
    return _verdict(question, "fair", f"Not quite: {_leaning(own)}", because)


def _points(share: float) -> str:
    return f"{number(100 * share, 1)} percentage points"


def _leaning(own: Mapping[str, Any]) -> str:
    """Returns how the risks deviate from the perfect calibration line."""
    (flat, steep), (low, high) = own["intervals"]["slope"], own["intervals"]["intercept"]
    leanings = {"too extreme": steep < 1, "too timid": flat > 1, "too low": low > 0, "too high": high < 0}
    return f"its risks are {' and '.join(name for name, is_so in leanings.items() if is_so)}"


def _top_tenth(own: Mapping[str, Any]) -> str:
    top = max(own["reliability"]["model"], key=lambda row: float(row["mean_risk"]))
    predicted, left = round(100 * top["mean_risk"]), round(100 * top["churn_rate"])
    return f"Of every 100 users in the riskiest tenth it expected {predicted} to leave, and {left} left."


def _saves_calls(card: Card) -> dict[str, str]:
    own, needed = card["figures"]["eligible"], card["calls_needed"]["eligible"]
    model, rule = needed["model"], needed["recency_rule"]
    share, rule_share = percent(model["share_called"]), percent(rule["share_called"])
    because = (
        f"The recency rule needs {rule_share} for the same, and random calls 50 %. "
        f"{percent(own['silent_churners'])} of those who left had already been silent for 14 days or more: "
        "easy to predict, but late to call."
    )
    better = model["share_called"] < rule["share_called"]
    question = "How many calls find half of those who leave?"
    answer = f"The first {share} of its list"
    return _verdict(
        question, "good" if better else "bad", answer if better else f"{answer}, no fewer than the rule", because
    )


def warnings(card: Card) -> list[str]:
    """Returns the warnings beyond the verdicts, most important first."""
    return list(_warnings(card))


def _warnings(card: Card) -> Iterator[str]:
    own, calibration = card["figures"]["eligible"], card["calibration"]
    churners = round(own["rows"] * own["churn_rate"])
    if card["is_invented"]:
        yield "Trained on demo data. Its figures say nothing about a real business."
    if churners < FEW_CHURNERS:
        yield f"Only {count(churners)} test rows are of users who left. Every figure is uncertain; read the intervals."
    if card["test"]["snapshots"] < FEW_DATES:
        yield f"Tested on {card['test']['snapshots']} of at least {FEW_DATES} dates: it covers no season and no trend."
    if calibration["sigmoid"] is None:
        yield f"Not calibrated: {calibration['refused']}."
    small = [row for row in card["slices"] if row["is_small"]]
    if small:
        named = ", ".join(f"{_words(row['sliced_by'])} {row['slice']}" for row in small[:5])
        more = f" and {len(small) - 5} more" if len(small) > 5 else ""
        yield f"Too small to judge: {named}{more}. Such slices are marked below."


def _words(name: str) -> str:
    return name.replace("_", " ")


def limits(card: Card) -> list[str]:
    """Returns the limitations, one or two sentences each."""
    return list(_limits(card))


def _limits(card: Card) -> Iterator[str]:
    test, days = card["test"], _days(card)
    yield (
        "A risk is not a cause. The model knows what correlates with leaving, not why users leave, nor whom a "
        "call retains."
    )
    if card["is_refit"]:
        yield (
            "The figures are those of the evaluation model, which never saw a test row. The model that scores was "
            f"retrained with the same settings on all {count(card['shipped']['rows'])} rows up to "
            f"{card['shipped']['last_as_of_date']}."
        )
    yield (
        f"Tested on {test['snapshots']} dates from {test['first_as_of_date']} to {test['last_as_of_date']}. It "
        "has not seen later changes of prices, product or user mix."
    )
    if days < YEAR_DAYS:
        yield f"Trained on {days} days, less than a year: it has not seen every season."
    elif days < 2 * YEAR_DAYS:
        yield f"Trained on {days} days, less than two years: no season has recurred."
    if card["data"]["user_share"] < 1:
        share = percent(card["data"]["user_share"])
        yield f"Trained and tested on a random {share} of the users, since more would not fit into memory."
    yield f"Intervals resample users {REPLICATES} times: they cover other users, not other times."
    yield "Slices use current attributes: a user who has changed plan counts under the new one."


def _days(card: Card) -> int:
    first, last = card["data"]["first_event_date"], card["train"]["last_label_date"]
    return (date.fromisoformat(str(last)) - date.fromisoformat(str(first))).days + 1
