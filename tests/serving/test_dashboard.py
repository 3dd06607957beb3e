"""The dashboard shows the snapshot and nothing else, escapes what people typed, and lets in whom it should."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from churn_duck.jobs.run import Ran
from churn_duck.monitoring.drift import drift
from churn_duck.monitoring.performance import performance
from churn_duck.serving.api import session
from churn_duck.serving.api.session import COOKIE, Sessions, safe_target
from churn_duck.serving.app import create_app, described
from churn_duck.serving.dashboard import sign_in_limit as attempts
from churn_duck.serving.dashboard.user_charts import activity, risks
from churn_duck.serving.dashboard.users import Asked
from churn_duck.serving.publish import publish
from churn_duck.serving.snapshots import Snapshots
from churn_duck.settings.load import parse_settings
from churn_duck.warehouse.store import Warehouse, open_warehouse, working
from tests.conftest import silent
from tests.pages.html import ESCAPED, EVIL, Tags
from tests.worlds import event, user, world

PAGES = ("/", "/user?user_id=1", "/watch", "/models")
TEXT = {"users": {"id_type": "text"}, "population": {"active_within_days": None}}


@pytest.fixture
def client(ran: tuple[Warehouse, Ran]) -> Iterator[TestClient]:
    with TestClient(create_app(ran[0])) as client:
        yield client


@pytest.fixture
def closed(ran: tuple[Warehouse, Ran]) -> Iterator[TestClient]:
    """One that wants a token, for a browser that follows nothing by itself."""
    with TestClient(create_app(ran[0], "s3cret"), follow_redirects=False) as client:
        yield client


def ranks(text: str) -> list[int]:
    return [int(rank) for rank in re.findall(r'<span class="rank">(\d+)</span>', text)]


def ids(text: str) -> list[str]:
    return re.findall(r'href="user\?user_id=([^"]+)"', text)


@pytest.mark.parametrize("path", [*PAGES, "/sign-in", "/user?user_id=nobody", "/?min_risk=2", "/?plam=x"])
def test_every_page_is_whole_and_can_be_used_without_seeing_it(
    client: TestClient, closed: TestClient, path: str
) -> None:
    text = (closed if path == "/sign-in" else client).get(path).text
    tags = Tags(text)
    names = [name for name, _ in tags.found]
    found = [attributes for _, attributes in tags.found if "id" in attributes]
    assert not tags.open
    assert {"script", "img", "iframe", "style"}.isdisjoint(names)
    assert {key for _, one in tags.found for key in one}.isdisjoint({"style", "onclick", "onload"})
    assert re.findall(r"https?:|url\(|@import", text) == []
    assert (names.count("main"), names.count("h1"), 'href="#main"' in text) == (1, 1, True)
    assert len({one["id"] for one in found}) == len(found)
    assert all("scope" in one for name, one in tags.found if name == "th")
    labelled = {one["for"] for name, one in tags.found if name == "label"}
    fields = [one for name, one in tags.found if name in ("input", "select") and one.get("type") != "hidden"]
    assert {one["id"] for one in fields} <= labelled
    tables = names.count("table")
    assert len(re.findall(r'<div class="scroll[^"]*" tabindex="0" role="region" aria-label="[^"]+"', text)) == tables


@pytest.mark.parametrize("path", PAGES)
def test_every_page_says_what_it_rests_on_and_where_one_is(
    client: TestClient, ran: tuple[Warehouse, Ran], path: str
) -> None:
    text = client.get(path).text.replace("<wbr>", "")
    source = client.get("/health").json()
    for part in (source["snapshot_id"], source["model_version"], str(ran[1].scored.as_of_date)):
        assert part in text
    assert text.count('aria-current="page"') == (0 if path.startswith("/user") else 1)


@pytest.mark.parametrize("path", [*PAGES, "/sign-in", "/?min_risk=2", "/user?user_id=nobody"])
def test_every_answer_forbids_what_a_page_does_not_need(client: TestClient, path: str) -> None:
    headers = client.get(path, follow_redirects=False).headers
    assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'; img-src data:; ")
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "DENY")
    assert (headers["referrer-policy"], headers["cache-control"]) == ("same-origin", "no-store")


def test_the_styles_are_served_and_kept_under_the_name_of_their_content(client: TestClient) -> None:
    address = re.findall(r'<link rel="stylesheet" href="([^"]+)">', client.get("/").text)[0]
    style = client.get(f"/{address}")
    assert (style.status_code, style.headers["content-type"]) == (200, "text/css; charset=utf-8")
    assert "immutable" in style.headers["cache-control"]
    assert "prefers-color-scheme: dark" in style.text


def test_pages_are_no_part_of_the_apis_description(ran: tuple[Warehouse, Ran]) -> None:
    snapshots = Snapshots(ran[0].root)
    paths = described(create_app(ran[0]), snapshots)["paths"]
    snapshots.close()
    assert {"/", "/user", "/watch", "/models", "/sign-in", "/sign-out", "/dashboard.css"}.isdisjoint(paths)


def test_the_list_is_the_apis_by_page_with_its_reasons(client: TestClient) -> None:
    listed = client.get("/at-risk?limit=1000").json()
    text, seen, path = "", [], "/"
    while path:
        text = client.get(path).text
        assert len(ranks(text)) <= 50
        seen += ids(text)
        following = re.findall(r'<a rel="next" href="\.([^"]*)"', text)
        path = f"/{following[0]}".replace("&amp;", "&") if following else ""
    assert seen == [str(one["user_id"]) for one in listed["users"]]
    first = client.get("/").text
    assert all(f"<li>{reason}</li>" in first for reason in listed["users"][0]["reasons"])


def test_the_form_filters_and_keeps_what_was_chosen(client: TestClient) -> None:
    asked = {"plan": "paid", "country": "", "min_risk": "0.35", "user_id": "", "is_paid": "1"}
    text = client.get("/", params=asked).text
    wanted = client.get("/at-risk?plan=paid&min_risk=0.35&is_paid=1&limit=50").json()
    assert ids(text) == [str(one["user_id"]) for one in wanted["users"]]
    assert f"{wanted['total']} of " in text
    assert "<option selected>paid</option>" in text
    assert re.search(r'<option value="0.35" selected>from 35', text)
    assert "<option>free</option>" in text


def test_an_id_is_found_by_itself_and_who_is_not_listed_by_a_link(client: TestClient, looking: Any) -> None:
    listed = ids(client.get("/").text)[7]
    assert ids(client.get("/", params={"user_id": f" {listed} "}).text) == [listed]
    query = "select min(user_id) from users_clean anti join predictions using (user_id)"
    silent_user = str(looking.execute(query).fetchall()[0][0])
    text = client.get("/", params={"user_id": silent_user}).text
    assert "exists, but is not in this list" in text
    assert ids(text) == [silent_user]
    assert "Nobody on this list" in client.get("/?user_id=999999").text
    assert client.get("/", params={"user_id": "1' or 1=1"}).status_code == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/?plam=x", 422),
        ("/?min_risk=nan", 422),
        ("/?offset=-1", 422),
        ("/?is_paid=yes", 422),
        ("/user", 404),
        ("/user?user_id=abc", 404),
        ("/user?user_id=%00", 404),
        ("/?offset=100000", 200),
        ("/?plan=%27%20or%201%3D1", 200),
    ],
)
def test_what_cannot_be_shown_is_a_page_that_says_so(client: TestClient, path: str, status: int) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert "Churn Duck" in answer.text
    assert ranks(answer.text) == []


def test_a_user_has_what_the_api_tells(client: TestClient, ran: tuple[Warehouse, Ran]) -> None:
    first = ran[1].top[0]
    told = client.get(f"/users/{first['user_id']}").json()
    text = client.get(f"/user?user_id={first['user_id']}").text
    for reason in told["reasons"]:
        assert reason["sentence"] in text
    assert all(f">{day['activity_date']}</th>" in text for day in told["activity"])
    assert len(re.findall("<svg class", text)) == 4
    assert '<span class="value high-risk">' in text


def test_a_user_who_is_not_on_the_list_is_shown_without_a_risk(client: TestClient, looking: Any) -> None:
    query = "select min(user_id) from users_clean anti join predictions using (user_id)"
    text = client.get(f"/user?user_id={looking.execute(query).fetchall()[0][0]}").text
    assert "Not on the list of" in text
    assert "The snapshot has no score of this user." in text
    assert "Only users on the list have reasons." in text


def test_ids_that_are_text_are_found_by_their_beginning_and_never_markup(tmp_path: Path) -> None:
    who = [EVIL, "a/../b?c=d&e", "a/x", 'b"%']
    events = [event(n, one, "2025-01-01T12:00:00") for n, one in enumerate(who, 1)]
    with world(tmp_path, [user(one, plan=EVIL) for one in who], events, **TEXT) as (con, warehouse):
        for rank, one in enumerate(who, 1):
            con.execute("insert into scores values (?, '2025-01-01', 'm', ?, ?, '2025-01-02 00:00')", [one, 0.5, rank])
        publish(con, warehouse)
    with TestClient(create_app(warehouse)) as client:
        text = client.get("/").text
        assert EVIL not in text
        assert ESCAPED in text
        assert len(ranks(client.get("/?user_id=a%2F").text)) == 2
        assert ranks(client.get("/", params={"plan": EVIL, "user_id": EVIL[:3]}).text) == [1]
        for link in ids(text):
            page = client.get(f"/user?user_id={link}".replace("&amp;", "&"))
            assert page.status_code == 200
            assert EVIL not in page.text
        assert EVIL not in client.get("/", params={"user_id": EVIL + "x"}).text
        assert EVIL not in client.get("/user", params={"user_id": EVIL + "x"}).text
        assert EVIL not in client.get("/", params={EVIL: "x"}).text


def test_empty_pages_explain_themselves(tmp_path: Path) -> None:
    rows = [user(1)], [event(1, 1, "2025-01-01T12:00:00")]
    with world(tmp_path, *rows) as (con, warehouse), TestClient(create_app(warehouse)) as client:
        nothing = client.get("/")
        assert (nothing.status_code, "run: churn-duck publish" in nothing.text) == (503, True)
        publish(con, warehouse)
        assert "Nobody has been scored up to 2025-01-01" in client.get("/").text
        assert "No model is in production, so there is nothing to compare a day with." in client.get("/watch").text
        models = client.get("/models").text
        for said in ("No model is in production", "No model has been trained", "Nothing has been retrained yet"):
            assert said in models
        assert "Not on the list, so there is no risk: nobody has been scored yet." in client.get("/user?user_id=1").text


def test_what_has_not_matured_says_when_it_will(client: TestClient, ran: tuple[Warehouse, Ran]) -> None:
    text = client.get("/watch").text
    known_on = ran[1].scored.as_of_date + timedelta(days=30)
    assert f'the first ones will be known on <span class="whole">{known_on}</span>' in text
    assert "has been compared with the training data of the production model" in text


def test_drift_shows_once_it_was_checked_and_an_old_snapshot_is_said_to_be_old(own: Warehouse) -> None:
    with working(own, "test") as con:
        drift(con, own, None, silent)
        performance(con, own, None, silent)
        publish(con, own)
    own.generated.mkdir()
    stale = open_warehouse(parse_settings({"serving": {"max_age_days": 1e-9}}, "test"), own.root)
    with TestClient(create_app(stale)) as client:
        text = client.get("/watch").text
        assert '<table class="heat">' in text
        assert "Is the daily job running?" in text
        assert text.count("these users are invented") == client.get("/").text.count("these users are invented") == 1


def test_models_show_promotions_with_their_evidence(client: TestClient, ran: tuple[Warehouse, Ran]) -> None:
    text = client.get("/models").text.replace("<wbr>", "")
    for version in ran[1].trained:
        assert f"<code>{version.model_version}</code>" in text
    assert text.count('<span class="status current">production</span>') == 1
    assert ran[1].decision.reason in text


def test_pages_send_to_the_form_and_back_where_there_is_a_token(closed: TestClient) -> None:
    for path, wanted in (("/", "."), ("/user?user_id=7&x=%26", "user?user_id=7&x=%26"), ("/watch", "watch")):
        sent = closed.get(path)
        assert (sent.status_code, sent.headers["location"]) == (303, f"sign-in?next={quote(wanted, safe='')}")
        form = closed.get(f"/{sent.headers['location']}")
        assert form.status_code == 200
        done = closed.post("/sign-in", data={"token": "s3cret", "next": wanted})
        assert (done.status_code, done.headers["location"]) == (303, wanted)
        assert closed.get(path).status_code in (200, 404)
        closed.cookies.clear()


def test_a_wrong_token_opens_nothing_and_the_api_takes_no_cookie(closed: TestClient) -> None:
    wrong = closed.post("/sign-in", data={"token": "S3cret"})
    assert (wrong.status_code, "The token is wrong." in wrong.text) == (403, True)
    assert COOKIE not in closed.cookies
    for body in (b"", b"token", b"\xff", b"token=s3cret&" + b"x=1&" * 50):
        assert closed.post("/sign-in", content=body).status_code == 403
    assert closed.post("/sign-in", content=b"token=" + b"x" * 9000).status_code == 413
    closed.post("/sign-in", data={"token": "s3cret"})
    assert closed.get("/").status_code == 200
    assert closed.get("/at-risk").status_code == 401
    assert closed.get("/", headers={"Authorization": "Bearer s3cret"}).status_code == 200


def test_the_cookie_is_no_token_and_stays_where_it_belongs(closed: TestClient) -> None:
    for scheme, secure in (("http", False), ("https", True)):
        done = closed.post("/sign-in", data={"token": "s3cret"}, headers={"X-Forwarded-Proto": scheme})
        cookie = done.headers["set-cookie"]
        assert "s3cret" not in cookie
        for part in ("HttpOnly", "SameSite=strict", "Path=/", "Max-Age=43200"):
            assert part in cookie
        assert ("Secure" in cookie) is secure


def test_signing_out_ends_the_session_and_only_our_own_forms_count(closed: TestClient) -> None:
    closed.post("/sign-in", data={"token": "s3cret"})
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}, {"Origin": "null"}):
        assert closed.post("/sign-out", headers=headers).status_code == 403
        assert closed.post("/sign-in", data={"token": "s3cret"}, headers=headers).status_code == 403
    assert closed.get("/").status_code == 200
    own = {"Sec-Fetch-Site": "same-origin", "Origin": "http://testserver"}
    assert closed.post("/sign-out", headers=own).headers["location"] == "sign-in"
    assert closed.get("/").status_code == 303


def test_a_cookie_that_was_copied_ends_with_the_sign_out_and_no_other_does(closed: TestClient) -> None:
    closed.post("/sign-in", data={"token": "s3cret"})
    copied = closed.cookies[COOKIE]
    closed.cookies.clear()
    closed.post("/sign-in", data={"token": "s3cret"})
    other = closed.cookies[COOKIE]
    closed.cookies.clear()
    assert closed.post("/sign-out", headers={"Cookie": f"{COOKIE}={copied}"}).status_code == 303
    told = [closed.get("/", headers={"Cookie": f"{COOKIE}={one}"}).status_code for one in (copied, other)]
    assert told == [303, 200]
    # nothing to end is no error
    assert closed.post("/sign-out", headers={"Cookie": f"{COOKIE}=1.2.3"}).status_code == 303


def test_ended_sessions_are_forgotten_once_they_would_have_expired_and_are_never_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(session, "MOST_ENDED", 3)
    sessions = Sessions("s3cret")
    ended = [sessions.new() for _ in range(5)]
    for one in ended:
        sessions.end(one)
    assert [sessions.holds(one) for one in ended] == [True, True, False, False, False]
    expired = time.time() + session.SECONDS + 1
    monkeypatch.setattr(time, "time", lambda: expired)
    sessions.end(sessions.new())
    assert len(sessions._ended) == 1


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that have passed for whoever signs in."""
    passed = [0.0]
    monkeypatch.setattr(attempts, "time", SimpleNamespace(monotonic=lambda: passed[0]))
    return passed


def try_token(client: TestClient, token: str = "wrong") -> tuple[int, str | None]:
    answer = client.post("/sign-in", data={"token": token, "next": "watch"})
    return answer.status_code, answer.headers.get("retry-after")


def test_many_wrong_tokens_have_to_wait_longer_each_time_and_never_long(closed: TestClient, clock: list[float]) -> None:
    assert [try_token(closed) for _ in range(10)] == [(403, None)] * 10
    waits = []
    for _ in range(7):
        status, wait = try_token(closed)
        assert status == 429
        waits.append(int(wait or 0))
        # what comes too early is not looked at, and lengthens nothing
        assert try_token(closed, "s3cret") == (429, wait)
        clock[0] += waits[-1]
        assert try_token(closed) == (403, None)
    assert waits == [1, 2, 4, 8, 16, 30, 30]
    clock[0] += 30
    assert try_token(closed, "s3cret") == (303, None)
    assert try_token(closed) == (403, None)


def test_who_has_to_wait_is_told_on_a_page_and_keeps_the_way(closed: TestClient, clock: list[float]) -> None:
    for _ in range(10):
        try_token(closed)
    answer = closed.post("/sign-in", data={"token": "x", "next": "watch"})
    assert "Too many failed attempts from your address. Try again in 1 second." in answer.text
    assert '<input type="hidden" name="next" value="watch">' in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'")
    # a session, a bearer token and the API go on
    assert closed.get("/", headers={"Authorization": "Bearer s3cret"}).status_code == 200


def test_wrong_tokens_are_counted_by_address_for_a_while(ran: tuple[Warehouse, Ran], clock: list[float]) -> None:
    app = create_app(ran[0], "s3cret")
    hosts = ("192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1")
    one, other, six, same, far = (TestClient(app, client=(host, 1), follow_redirects=False) for host in hosts)
    for _ in range(10):
        try_token(one)
        try_token(six)
    assert [try_token(client)[0] for client in (one, other, six, same, far)] == [429, 403, 429, 429, 403]
    clock[0] += attempts.FORGOTTEN_SECONDS
    assert [try_token(one)[0] for _ in range(10)] == [403] * 10


def test_a_form_of_another_site_cannot_make_anybody_wait(closed: TestClient, clock: list[float]) -> None:
    for _ in range(20):
        closed.post("/sign-in", data={"token": "x"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert try_token(closed, "s3cret") == (303, None)


def test_no_more_addresses_are_kept_than_fit(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> None:
    monkeypatch.setattr(attempts, "MOST_ADDRESSES", 2)
    tried = attempts.Attempts()
    for address in ("a", "b", "a", "c"):
        for _ in range(10):
            tried.failed(address)
    assert [tried.seconds_to_wait(address) for address in ("a", "b", "c")] == [30, 0, 1]


def test_a_session_expires_and_is_of_one_token(monkeypatch: pytest.MonkeyPatch) -> None:
    sessions, made = Sessions("s3cret"), Sessions("s3cret").new()
    assert sessions.holds(made)
    assert not Sessions("other").holds(made)
    expiry, nonce, signature = made.split(".")
    for forged in ("", "..", f"{int(expiry) + 1}.{nonce}.{signature}", f"{expiry}.{nonce}.", made + "0", "é.é.é"):
        assert not sessions.holds(forged)
    monkeypatch.setattr(time, "time", lambda: float(expiry))
    assert not sessions.holds(made)


def test_without_a_token_there_is_nothing_to_sign_in_to(client: TestClient) -> None:
    assert client.get("/sign-in", follow_redirects=False).headers["location"] == "."
    assert "Sign out" not in client.get("/").text
    assert client.post("/sign-in", data={"token": ""}).status_code == 403


@pytest.mark.parametrize(
    "wanted",
    ["//evil.example", "https://evil.example", "/watch", "..", "user/../x", "", "watch#x", "sign-out", "\\\\x"],
)
def test_whoever_signs_in_goes_on_to_a_page_of_ours(wanted: str) -> None:
    assert safe_target(wanted, (".", "watch")) == "."
    assert safe_target("watch?a=b\r\nSet-Cookie: x", (".", "watch")) == "watch?a=b%0D%0ASet-Cookie%3A+x"


def test_pages_are_counted_by_route(client: TestClient) -> None:
    for number in range(5):
        client.get(f"/user?user_id={number}")
        client.get(f"/?user_id={number}")
    text = client.get("/metrics").text
    routes = set(re.findall(r'churn_api_requests_total\{method="\w+",route="([^"]+)"', text))
    assert routes == {"/user", "/"}


def test_links_of_the_list_keep_the_filters_and_drop_what_is_empty() -> None:
    asked = Asked("a&b", 0.35, 50, {"plan": ["paid", "x y"]})
    assert asked.link(0) == ".?user_id=a%26b&min_risk=0.35&plan=paid&plan=x+y"
    assert asked.link(100).endswith("&offset=100")
    assert Asked("", 0, 0, {}).link(0) == "."


def test_the_charts_of_a_user_join_days_of_one_model_and_leave_gaps() -> None:
    days = [date(2025, 1, day) for day in (1, 8, 15)]
    history = [
        {"as_of_date": day, "churn_risk": risk, "risk_rank": 1, "model_version": model}
        for day, risk, model in zip(days, (0.0, 0.5, 1.0), "aab", strict=True)
    ][::-1]
    bands = [{"band": "high", "from_risk": 0.7}, {"band": "low", "from_risk": 0.0}]
    drawn = risks(history, bands, 360)
    assert [line.count("L") for line in drawn.lines] == [1, 0]
    assert [dot.y for dot in drawn.dots] == [drawn.frame.y(share) for share in (0, 0.5, 1)]
    assert [bound.text for bound in drawn.bounds] == ["high"]
    events = activity([{"activity_date": days[2], "total_events": 3}], days[2], 360)
    assert (len(events.bars), events.bars[0].text) == (1, "2025-01-15: 3 events")
