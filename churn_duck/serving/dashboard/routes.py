"""The dashboard: server-rendered pages over the newest snapshot, without scripts."""

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
    # forms must send their origin to this server, but not to others
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class PageRoute(APIRoute):
    """A route whose errors are pages too, and whose responses all have the security headers."""

    def get_route_handler(self) -> Handler:
        """Returns the handler of the route."""
        handler = super().get_route_handler()

        async def page(request: Request) -> Response:
            try:
                response = await handler(request)
            except NotSignedIn:
                response = _to_sign_in(request)
            except Refused as error:
                response = _trouble(error.status, [problem.msg for problem in error.problems])
            except RequestValidationError as error:
                response = _trouble(422, [f"{fault['loc'][-1]}: {fault['msg']}" for fault in error.errors()])
            except HTTPException as error:
                response = _trouble(error.status_code, [str(error.detail)])
            except ChurnDuckError as error:
                response = _trouble(503, [str(error)])
            for name, value in HEADERS.items():
                response.headers.setdefault(name, value)
            return response

        return page


@dataclass(frozen=True)
class Site:
    """The dependencies of every page."""

    snapshots: Snapshots
    warehouse: Warehouse
    sessions: Sessions

    def page(self, name: str, path: str, snapshot: Snapshot, **content: Any) -> Response:
        """Returns a page over the snapshot, with notices if the snapshot is stale or of demo data."""
        return _rendered(
            name,
            200,
            path=path,
            manifest=snapshot.manifest,
            notices=list(self._notices(snapshot)),
            can_sign_out=self.sessions.are_needed,
            churn_window_days=self.warehouse.settings.churn.window_days,
            active_within_days=self.warehouse.settings.population.active_within_days,
            **content,
        )

    def _notices(self, snapshot: Snapshot) -> Iterator[str]:
        if self.warehouse.is_invented:
            yield INVENTED
        allowed = self.warehouse.settings.serving.max_age_days
        if allowed is not None and snapshot.age_days > allowed:
            yield f"Published {snapshot.age_days:.1f} days ago, at most {allowed:g} allowed. Is the daily job running?"
        if self.snapshots.trouble:
            yield f"A newer snapshot cannot be opened: {self.snapshots.trouble}"


def dashboard(snapshots: Snapshots, warehouse: Warehouse, sessions: Sessions) -> APIRouter:
    """Returns the routes of the pages, and the sign-in where there is a token."""
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
        """Drift and realised performance."""
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
        """Open a session for the right token; repeated wrong ones must wait."""
        form = await _form(request)
        target, address = safe_target(form.get("next", "."), PAGES), address_of(request)
        if wait := attempts.seconds_to_wait(address):
            return _wait(wait, target)
        if not sessions.is_token(form.get("token", "").strip()):
            attempts.failed(address)
            return _rendered("sign_in", 403, next=target, wrong="The token is wrong.")
        attempts.forget(address)
        response = RedirectResponse(target, 303)
        keep(response, request, sessions.new())
        return response

    @router.post("/sign-out")
    async def sign_out(request: Request) -> Response:
        """End the session, for every copy of its cookie."""
        await _form(request)
        sessions.end(request.cookies.get(COOKIE, ""))
        response = RedirectResponse("sign-in", 303)
        keep(response, request, "")
        return response

    return router


def _wait(seconds: int, target: str) -> Response:
    message = f"Too many failed attempts from your address. Try again in {seconds} second{'' if seconds == 1 else 's'}."
    response = _rendered("sign_in", 429, next=target, wrong=message)
    response.headers["Retry-After"] = str(seconds)
    return response


async def _form(request: Request) -> dict[str, str]:
    """Returns the fields of a form of these pages. Raises: HTTPException (403) for a form of another site."""
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


def _trouble(status: int, messages: list[str]) -> Response:
    return _rendered("trouble", status, title=HTTPStatus(status).phrase, status=status, messages=messages)


def _rendered(name: str, code: int, /, **content: Any) -> Response:
    return HTMLResponse(template(f"dashboard_{name}.html.jinja").render(style=_style_version(), **content), code)


@cache
def _style_version() -> str:
    return hashlib.sha256(template("dashboard.css.jinja").render().encode()).hexdigest()[:12]
