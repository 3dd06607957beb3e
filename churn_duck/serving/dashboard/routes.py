"""The dashboard: pages for people over the newest snapshot, rendered here, without scripts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import parse_qs, quote

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.routing import APIRoute

from churn_duck.errors import ChurnDuckError
from churn_duck.pages.html import template
from churn_duck.pages.report.text import INVENTED
from churn_duck.serving.api.auth import capped_body
from churn_duck.serving.api.requests import Refused
from churn_duck.serving.api.session import COOKIE, NotSignedIn, Sessions, is_own, keep, safe_target
from churn_duck.serving.dashboard.monitoring import versions, watched
from churn_duck.serving.dashboard.sign_in_limit import Attempts, address_of
from churn_duck.serving.dashboard.users import Asked, people, person
from churn_duck.serving.snapshots import Snapshot, Snapshots
from churn_duck.warehouse.store import Warehouse

PAGES = (".", "user", "watch", "models")
FIXED = ("user_id", "min_risk", "offset")
FORM_BYTES = 8192
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # a form needs to say where it comes from, others need not know
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class PageRoute(APIRoute):
    """Whatever goes wrong on the way to a page is a page too, and every answer has the headers."""

    def get_route_handler(self) -> Handler:
        """The handler of the route, with both."""
        handler = super().get_route_handler()

        async def page(request: Request) -> Response:
            try:
                answer = await handler(request)
            except NotSignedIn:
                answer = _to_sign_in(request)
            except Refused as error:
                answer = _trouble(error.status, [problem.msg for problem in error.problems])
            except RequestValidationError as error:
                answer = _trouble(422, [f"{one['loc'][-1]}: {one['msg']}" for one in error.errors()])
            except HTTPException as error:
                answer = _trouble(error.status_code, [str(error.detail)])
            except ChurnDuckError as error:
                answer = _trouble(503, [str(error)])
            for name, value in HEADERS.items():
                answer.headers.setdefault(name, value)
            return answer

        return page


@dataclass(frozen=True)
class Site:
    """What every page stands on."""

    snapshots: Snapshots
    warehouse: Warehouse
    sessions: Sessions

    def page(self, name: str, path: str, snapshot: Snapshot, **content: Any) -> Response:
        """A page over the snapshot, which says so when that is not as it should be."""
        return _rendered(
            name,
            200,
            path=path,
            manifest=snapshot.manifest,
            told_first=list(self._told_first(snapshot)),
            can_sign_out=self.sessions.are_needed,
            churn_window_days=self.warehouse.settings.churn.window_days,
            active_within_days=self.warehouse.settings.population.active_within_days,
            **content,
        )

    def _told_first(self, snapshot: Snapshot) -> Iterator[str]:
        if self.warehouse.is_invented:
            yield INVENTED
        allowed = self.warehouse.settings.serving.max_age_days
        if allowed is not None and snapshot.age_days > allowed:
            yield f"Published {snapshot.age_days:.1f} days ago, {allowed:g} are allowed. Does the daily job run?"
        if self.snapshots.trouble:
            yield f"A newer snapshot cannot be shown: {self.snapshots.trouble}"


def dashboard(snapshots: Snapshots, warehouse: Warehouse, sessions: Sessions) -> APIRouter:
    """The pages, and the way in where there is a token."""
    site = Site(snapshots, warehouse, sessions)
    router = APIRouter(include_in_schema=False)
    router.include_router(_entrance(sessions))
    for pages in (_people(site), _watched(site)):
        router.include_router(pages, dependencies=[Depends(sessions.require)])
    return router


def _people(site: Site) -> APIRouter:
    router = APIRouter(route_class=PageRoute, include_in_schema=False)

    @router.get("/")
    def ranked(
        request: Request,
        user_id: str = "",
        min_risk: Annotated[float, Query(ge=0, le=1)] = 0,
        offset: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
    ) -> Response:
        """Whom to call first."""
        given = {name: request.query_params.getlist(name) for name in request.query_params if name not in FIXED}
        wanted = {name: kept for name, values in given.items() if (kept := [value for value in values if value])}
        with site.snapshots.use() as snapshot:
            content = people(snapshot, Asked(user_id.strip(), min_risk, offset, wanted))
            return site.page("list", ".", snapshot, **content)

    @router.get("/user")
    def user(user_id: str = "") -> Response:
        """One user: risk, reasons, activity."""
        with site.snapshots.use() as snapshot:
            content = person(snapshot, user_id)
            if content is None:
                raise HTTPException(404, f"There is no user {user_id}.")
            return site.page("user", "user", snapshot, **content)

    return router


def _watched(site: Site) -> APIRouter:
    router = APIRouter(route_class=PageRoute, include_in_schema=False)

    @router.get("/watch")
    def watch() -> Response:
        """Drift, and what came true."""
        with site.snapshots.use() as snapshot:
            return site.page("watch", "watch", snapshot, **watched(snapshot, site.warehouse))

    @router.get("/models")
    def models() -> Response:
        """Models, promotions and retrainings."""
        with site.snapshots.use() as snapshot:
            return site.page("models", "models", snapshot, **versions(snapshot))

    return router


def _entrance(sessions: Sessions) -> APIRouter:
    router, attempts = APIRouter(route_class=PageRoute, include_in_schema=False), Attempts()

    @router.get("/dashboard.css")
    def style() -> Response:
        """The styles of all pages; their address changes with them."""
        text = template("dashboard.css.jinja").render()
        return Response(text, media_type="text/css", headers={"Cache-Control": "public, max-age=31536000, immutable"})

    @router.get("/sign-in")
    def ask(next: str = ".") -> Response:
        """Ask for the token."""
        if not sessions.are_needed:
            return RedirectResponse(".", 303)
        return _rendered("sign_in", 200, next=safe_target(next, PAGES), wrong=None)

    @router.post("/sign-in")
    async def sign_in(request: Request) -> Response:
        """Open a session for whoever knows the token; many wrong ones have to wait."""
        form = await _form(request)
        target, address = safe_target(form.get("next", "."), PAGES), address_of(request)
        if wait := attempts.seconds_to_wait(address):
            return _wait(wait, target)
        if not sessions.is_token(form.get("token", "").strip()):
            attempts.failed(address)
            return _rendered("sign_in", 403, next=target, wrong="That is not the token.")
        attempts.forget(address)
        answer = RedirectResponse(target, 303)
        keep(answer, request, sessions.made())
        return answer

    @router.post("/sign-out")
    async def sign_out(request: Request) -> Response:
        """End the session of this browser, and of whoever copied its cookie."""
        await _form(request)
        sessions.end(request.cookies.get(COOKIE, ""))
        answer = RedirectResponse("sign-in", 303)
        keep(answer, request, "")
        return answer

    return router


def _wait(seconds: int, target: str) -> Response:
    told = f"Too many wrong tokens came from your address. Try again in {seconds} second{'' if seconds == 1 else 's'}."
    answer = _rendered("sign_in", 429, next=target, wrong=told)
    answer.headers["Retry-After"] = str(seconds)
    return answer


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form that a page of ours sent. Raises: HTTPException (403) for somebody else's."""
    if not is_own(request):
        raise HTTPException(403, "This form was sent by another site.")
    body = await capped_body(request, FORM_BYTES)
    try:
        fields = parse_qs(body.decode(), max_num_fields=10)
    except ValueError:
        return {}
    return {name: values[0] for name, values in fields.items()}


def _to_sign_in(request: Request) -> Response:
    wanted = request.url.path.rpartition("/")[2] or "."
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"sign-in?next={quote(wanted + query, safe='')}", 303)


def _trouble(status: int, said: list[str]) -> Response:
    return _rendered("trouble", status, title=HTTPStatus(status).phrase, status=status, said=said)


def _rendered(name: str, code: int, /, **content: Any) -> Response:
    return HTMLResponse(template(f"dashboard_{name}.html.jinja").render(style=_style_version(), **content), code)


@cache
def _style_version() -> str:
    return hashlib.sha256(template("dashboard.css.jinja").render().encode()).hexdigest()[:12]
