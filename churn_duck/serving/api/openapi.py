"""The API's description for the current model and attributes: OpenAPI, and Swagger UI to read and try it.

Swagger UI is the only page with scripts. They come from a package, not from another server, and may connect to this
server only.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.resources import files
from typing import Any, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response

from churn_duck.pages.html import FOLDER, template
from churn_duck.serving.api.auth import Given, guard
from churn_duck.serving.api.session import COOKIE, Sessions

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
# the release files of Swagger UI; nothing else of the package is used
SWAGGER_UI = files("fastapi_swagger") / "resources"
KINDS = {"js": "text/javascript", "css": "text/css"}


def router(document: Callable[[], dict[str, Any]], title: str, token: str | None, sessions: Sessions) -> APIRouter:
    """Returns the routes, for callers with the token or a dashboard session."""
    routes = APIRouter(include_in_schema=False, dependencies=[Depends(_readers(token, sessions))])

    @routes.get("/openapi.json")
    def openapi() -> Response:
        return Response(json.dumps(document(), allow_nan=False), media_type="application/json")

    @routes.get("/docs")
    def docs() -> Response:
        return HTMLResponse(template("api_docs.html.jinja").render(title=title), headers=HEADERS)

    @routes.get("/docs/start.js")
    def start() -> Response:
        return _file((FOLDER / "api_docs.js").read_bytes(), "js")

    @routes.get("/docs/swagger-ui.{kind}")
    def swagger_ui(kind: Literal["js", "css"]) -> Response:
        return _file((SWAGGER_UI / {"js": "swagger-ui-bundle.js", "css": "swagger-ui.css"}[kind]).read_bytes(), kind)

    return routes


def _readers(token: str | None, sessions: Sessions) -> Callable[[Request, Given], None]:
    """Accepts sessions too, since a browser sends no bearer token; the description holds no personal data."""
    allowed = guard(token)

    def reads(request: Request, given: Given) -> None:
        if not sessions.holds(request.cookies.get(COOKIE, "")):
            allowed(given)

    return reads


def _file(content: bytes, kind: str) -> Response:
    return Response(content, media_type=KINDS[kind], headers={**HEADERS, "Cache-Control": "private, max-age=3600"})
