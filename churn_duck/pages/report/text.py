"""What the report says in words: its four headlines, why there is nothing to see, and what to keep in mind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from churn_duck.pages.html import NARROW, bounds, count, number, percent

Found = Mapping[str, Any]
OLD_LIST_DAYS = 7
INVENTED = "These users are invented. The page shows what it would look like; its figures are of no real business."


def headlines(found: Found) -> list[dict[str, str]]:
    """Risk, drift, performance and data in a sentence each; `grade` is good, fair, bad or none."""
    return [_risk(found), _drift(found), _performance(found), _data(found)]


def _headline(question: str, grade: str, answer: str, because: str) -> dict[str, str]:
    return {"question": question, "grade": grade, "answer": answer, "because": because}


def _risk(found: Found) -> dict[str, str]:
    question, scored = "How many are at high risk?", found["scored"]
    if scored is None:
        return _headline(question, "none", "Nobody has been scored", "The list is empty until somebody is.")
    high = {row["as_of_date"]: row for row in found["bands"] if row["band"] == "high"}
    now, before = high[scored["as_of_date"]], high.get(scored["earlier_date"])
    because = (
        f"{percent(now['user_share'])} of {count(scored['scored_users'])} scored users, at a risk of "
        f"{percent(now['from_risk'], 0)} or more."
    )
    answer = f"{count(now['band_users'])}{_change(now['band_users'], before)}"
    return _headline(question, "plain", answer, because)


def _change(users: int, before: Mapping[str, Any] | None) -> str:
    if before is None:
        return ""
    change = users - before["band_users"]
    if change == 0:
        return f", as many as on {before['as_of_date']}"
    return f", {count(abs(change))} {'more' if change > 0 else 'fewer'} than on {before['as_of_date']}"


def _drift(found: Found) -> dict[str, str]:
    question = "Does the model still see what it learned from?"
    if not found["drift"]:
        return _headline(question, "none", "Not checked yet", "No day has been compared with what it learned from.")
    last = found["drift"][-1]["as_of_date"]
    newest = [row for row in found["drift"] if row["as_of_date"] == last]
    named = {verdict: [row["name"] for row in newest if row["verdict"] == verdict] for verdict in ("FAIL", "WARN")}
    told = f"{count(len(newest))} things were watched on {last}."
    if named["FAIL"]:
        return _headline(question, "bad", f"No: {_listed(named['FAIL'])}", told)
    if named["WARN"]:
        return _headline(question, "fair", f"Mostly: mind {_listed(named['WARN'])}", told)
    return _headline(question, "good", "Yes", f"{told} None has moved beyond chance and habit.")


def _listed(names: Sequence[str], most: int = 2) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _performance(found: Found) -> dict[str, str]:
    question = "Did those it named really leave?"
    known = [row for row in found["performance"] if row["metric"] == "pr_auc" and row["realised"] is not None]
    if not known:
        why = empty(found).get("performance")
        answer = "Nobody can know yet" if why else "There is nothing to rank"
        return _headline(question, "none", answer, why or "Of the lists so far nobody left, or everybody did.")
    row = known[-1]
    span = f" ({bounds((row['realised_low'], row['realised_high']), 2)})" if row["realised_low"] is not None else ""
    because = (
        f"Of the list of {row['as_of_date']}: PR-AUC {number(row['realised'], 2)}{span}, the recency rule "
        f"{number(row['recency_rule'], 2)}."
    )
    if row["recency_rule"] is not None and row["realised"] <= row["recency_rule"]:
        return _headline(question, "bad", "No better than calling whoever was silent longest", because)
    if row["gain_low"] is not None and row["gain_low"] <= 0:
        because += f" The difference may be chance: its 95{NARROW}% interval begins at {number(row['gain_low'])}."
        return _headline(question, "bad", "Not proven to beat the recency rule", because)
    if row["expected"] is None:
        return _headline(question, "plain", "More so than by silence alone", because)
    high = row["realised_high"] if row["realised_high"] is not None else row["realised"]
    because += f" Its test promised {number(row['expected'], 2)}."
    if high < row["expected"]:
        return _headline(question, "fair", "Less than its test promised", because)
    return _headline(question, "good", "Yes, as its test promised", because)


def _data(found: Found) -> dict[str, str]:
    question, health = "Can the data be believed?", found["health"]
    failed = [row["rule"] for row in health["rules"] if row["verdict"] == "fail"]
    warned = [row["rule"] for row in health["rules"] if row["verdict"] == "warn"]
    behind = (found["as_of_date"] - health["last_event_date"]).days
    told = f"Events up to {health['last_event_date']}; {count(len(health['rules']))} rules were checked."
    if failed or behind > 1:
        silent = [f"no event for {count(behind)} days"] if behind > 1 else []
        broken = [f"broken: {_listed([name.removeprefix('check_') for name in failed])}"] if failed else []
        return _headline(question, "bad", f"No, {' and '.join([*silent, *broken])}", told)
    if warned:
        said = f"Mostly: mind {_listed([name.removeprefix('check_') for name in warned])}"
        return _headline(question, "fair", said, told)
    return _headline(question, "good", "Yes, no rule is broken", told)


def empty(found: Found) -> dict[str, str]:
    """Why a section has nothing to show, by section; only those that have nothing."""
    return dict(_empty(found))


def _empty(found: Found) -> Iterator[tuple[str, str]]:
    scored, end = found["scored"], found["as_of_date"]
    if scored is None:
        nobody, days = f"Nobody has been scored up to {end}", found["churn_window_days"]
        yield "list", f"{nobody}, so there is nobody to call."
        yield "bands", f"{nobody}, so nobody has a risk."
        yield "moves", f"{nobody}. What moved shows once two days have been."
        yield "performance", f"{nobody}. What comes true of a list is known {days} days after its day."
    elif scored["earlier_date"] is None:
        yield "moves", f"{scored['as_of_date']} is the first scored day. What moved shows from the second one on."
    if not found["drift"]:
        yield (
            "drift",
            (
                f"No day up to {end} has been compared with what the production model learned from."
                if found["production"]
                else "No model is in production, so there is nothing to compare a day with."
            ),
        )
    if scored is not None and not any(row["realised"] is not None for row in found["performance"]):
        yield "performance", _waiting(found)


def _waiting(found: Found) -> str:
    waited = [row for row in found["performance"] if row["days_until_mature"]]
    if not found["performance"]:
        return "The scored days are of models for another churn window, which today's labels cannot judge."
    first = min(row["matures_on"] for row in waited)
    return (
        f"No label is known yet: a label needs {found['churn_window_days']} days after the scored day, and the first "
        f"ones will be known on {first}."
    )


def command(found: Found, section: str) -> str:
    """What fills an empty section."""
    needs_model = found["production"] is None
    if section == "drift":
        return "churn-duck run && churn-duck drift" if needs_model else "churn-duck drift"
    if section == "performance" and found["scored"] is not None:
        return "churn-duck land --users FILE --events FILE"
    return "churn-duck run" if needs_model else "churn-duck score"


def notes(found: Found) -> list[str]:
    """What must not be overlooked."""
    return list(_notes(found))


def _notes(found: Found) -> Iterator[str]:
    scored = found["scored"]
    if found["is_invented"]:
        yield INVENTED
    if scored is None:
        return
    age = (found["as_of_date"] - scored["as_of_date"]).days
    if age > OLD_LIST_DAYS:
        yield f"The list is {age} days old. churn-duck score makes a new one."
    if scored["earlier_model_version"] not in (None, scored["model_version"]):
        yield (
            f"The model changed between {scored['earlier_date']} and {scored['as_of_date']}, from "
            f"{scored['earlier_model_version']} to {scored['model_version']}. Some of what moved is the model's doing."
        )
    checked = max((row["as_of_date"] for row in found["drift"]), default=None)
    if checked is not None and checked < scored["as_of_date"]:
        yield f"Drift was last checked on {checked}, before the day of the list. churn-duck drift checks it."


def why_moved(found: Found) -> str:
    """The movements into and out of high risk, in a sentence."""
    moves = [row for row in found["moves"] if row["earlier_band"] != row["band"]]
    came, went = ([row for row in moves if row[key] == "high"] for key in ("band", "earlier_band"))
    return f"High risk gained {_told(came)} and lost {_told(went)}."


def _told(moves: Sequence[Mapping[str, Any]]) -> str:
    by_movement: dict[str, int] = {}
    for row in moves:
        by_movement[row["movement"]] = by_movement.get(row["movement"], 0) + row["moved_users"]
    parts = ", ".join(f"{count(users)} {movement}" for movement, users in sorted(by_movement.items()))
    return f"{count(sum(by_movement.values()))} ({parts})" if parts else "nobody"
