"""The attributes, values, measures and ratios of a business, which decide the columns.

The defaults are the e-learning contract; a configuration replaces them.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,62}")


def _identifier(name: str) -> str:
    if not IDENTIFIER.fullmatch(name):
        raise ValueError("must be an identifier: lower-case letters, digits and _, not starting with a digit")
    return name


def _normalised(text: str) -> str:
    """Lower case and trimmed, like the event types of `events_clean`."""
    if not text.strip():
        raise ValueError("must not be empty")
    return text.lower().strip(" \t\n\r")


Identifier = Annotated[str, AfterValidator(_identifier)]
EventType = Annotated[str, AfterValidator(_normalised)]
Days = Annotated[int, Field(ge=1, le=3650)]
IdType = Literal["integer", "text"]
LandedType = Literal["varchar", "bigint", "double"]
# what a feature is about, for people: of one family they get one reason
Family = Literal["silence", "volume", "trend", "money", "tenure", "rhythm", "attributes"]
# +1: more of it never lowers the risk of churn, -1: never raises it, 0: either
Direction = Literal[-1, 0, 1]
LANDED_TYPES: dict[str, LandedType] = {
    "category": "varchar",
    "text": "varchar",
    "integer": "bigint",
    "number": "double",
}


class Section(BaseModel):
    """Base of all sections: unknown keys are errors, types are not converted, instances are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class WhereAbsent(Section):
    """1 where `attribute` is `value`, 0 elsewhere."""

    attribute: Identifier
    value: str


class Attribute(Section):
    """A column of users beside `user_id` and `signup_date`."""

    name: Identifier
    type: Literal["category", "integer", "number"]
    feature: bool = True
    shown: bool = True
    required: bool = False
    optional: bool = False
    lower_case: bool = False
    allowed: list[str] = []
    min: float | None = None
    max: float | None = None
    missing: int | float | None = None
    where_absent: WhereAbsent | None = None
    meaning: str = ""

    @property
    def sql_type(self) -> LandedType:
        """Type in the landed Parquet."""
        return LANDED_TYPES[self.type]

    @property
    def is_ranged(self) -> bool:
        """Whether it has a bound."""
        return self.min is not None or self.max is not None


class Value(Section):
    """A column of events beside `event_id`, `user_id`, `event_time` and `event_type`."""

    name: Identifier
    type: Literal["text", "integer", "number"]
    events: list[EventType] = []
    min: float | None = None
    max: float | None = None
    missing: int | float | None = None
    meaning: str = ""

    @property
    def sql_type(self) -> LandedType:
        """Type in the landed Parquet."""
        return LANDED_TYPES[self.type]

    @property
    def is_ranged(self) -> bool:
        """Whether it has a bound."""
        return self.min is not None or self.max is not None


class Measure(Section):
    """One quantity per user and day, taken over each window as `<name>_<days>d`; `events: []` takes every event.

    `direction` is what more of it does to the risk of churn: 1 never lowers it, -1 never raises it, 0 either; null is
    -1 for counts and sums of activity, 0 for anything else. Of one `family`, such as money, a user gets one reason.
    """

    name: Identifier
    events: list[EventType] = []
    aggregate: Literal["count", "sum", "avg", "max", "distinct"] = "count"
    column: Identifier | None = None
    activity: bool = True
    direction: Direction | None = None
    family: Family = "volume"
    unit: str = ""

    @model_validator(mode="after")
    def _column_fits(self) -> Measure:
        if (self.column is None) != (self.aggregate == "count"):
            rule = "takes no column" if self.aggregate == "count" else "needs a column"
            raise ValueError(f"{self.aggregate} {rule}")
        return self

    @property
    def daily_column(self) -> str:
        """Its column in `user_daily`."""
        return self.name if self.aggregate == "avg" else f"{self.name}_{self.aggregate}"

    @property
    def adds_up(self) -> bool:
        """Whether days can be added."""
        return self.aggregate in ("count", "sum")

    @property
    def churn_direction(self) -> Direction:
        """As asked for, else what more activity does."""
        if self.direction is not None:
            return self.direction
        return -1 if self.activity and self.is_zero_without else 0

    @property
    def is_whole(self) -> bool:
        """Whether its values are counts."""
        return self.aggregate in ("count", "distinct")

    @property
    def is_zero_without(self) -> bool:
        """Whether a day without matching events has 0, not NULL."""
        return self.aggregate not in ("avg", "max")


class Ratio(Section):
    """Share of `part` in `whole`, both sums of measures over a window; 0 where `whole` is 0."""

    name: Identifier
    part: Annotated[list[Identifier], Field(min_length=1)]
    whole: Annotated[list[Identifier], Field(min_length=1)]
    window_days: Days = 30
    meaning: str = ""


PAYMENTS = ["payment_success", "payment_failed"]
ATTRIBUTES = [
    Attribute(
        name="plan",
        type="category",
        required=True,
        lower_case=True,
        allowed=["free", "paid"],
        meaning="lower case, trimmed",
    ),
    Attribute(
        name="is_paid",
        type="integer",
        min=0,
        max=1,
        missing=0,
        where_absent=WhereAbsent(attribute="plan", value="paid"),
        meaning="1 paying, 0 not paying or unknown; from plan where the column was not landed",
    ),
    Attribute(name="country", type="category"),
    Attribute(name="marketing_source", type="category"),
    Attribute(name="engagement_score", type="number", min=0, max=1, optional=True, shown=False),
]
VALUES = [
    Value(name="course_id", type="text"),
    Value(name="watch_minutes", type="number", min=0, missing=0, meaning="minutes, 0 where missing"),
    Value(name="quiz_score", type="number", min=0, max=100, meaning="0 to 100. NULL: no score"),
    Value(
        name="amount",
        type="number",
        events=PAYMENTS,
        min=0,
        meaning="money, in the currency of the source. NULL: no payment",
    ),
]
MEASURES = [
    Measure(name="logins", events=["login"], unit="logins"),
    Measure(name="enroll", events=["course_enroll"], unit="course enrolments"),
    Measure(
        name="watch_minutes",
        events=["video_watch"],
        aggregate="sum",
        column="watch_minutes",
        unit="minutes of video watched",
    ),
    Measure(name="quiz_attempts", events=["quiz_attempt"], unit="quiz attempts"),
    Measure(
        name="quiz_avg_score",
        events=["quiz_attempt"],
        aggregate="avg",
        column="quiz_score",
        unit="quiz score, 0 to 100",
    ),
    Measure(name="payment_success", events=["payment_success"], family="money", unit="payments that succeeded"),
    Measure(name="payment_failed", events=["payment_failed"], direction=0, family="money", unit="payments that failed"),
    Measure(name="support_ticket", events=["support_ticket"], direction=0, unit="support tickets"),
]
RATIOS = [
    Ratio(
        name="payment_fail_rate_30d",
        part=["payment_failed"],
        whole=["payment_failed", "payment_success"],
        meaning="failed share of the payments in 30 days (or the largest window), 0 without payments",
    )
]
EVENT_TYPES = sorted({event_type for measure in MEASURES for event_type in measure.events})
