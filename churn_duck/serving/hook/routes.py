"""The webhook for Alertmanager: alerts on drift or losses start a retraining, at most once per cooldown."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import JSONResponse, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.concurrency import run_in_threadpool

from churn_duck.errors import ChurnDuckError
from churn_duck.serving.api import schemas as shapes
from churn_duck.serving.api.auth import HOOK_TOKEN, capped_body
from churn_duck.serving.hook import alerts
from churn_duck.serving.hook.starter import Starter, StartFailed
from churn_duck.serving.snapshots import Snapshots

MOST_BYTES = 1_000_000
bearer = HTTPBearer(
    auto_error=False, scheme_name="HookBearer", description=f"The value of {HOOK_TOKEN}, where the server has one."
)
Given = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
RESPONSES: dict[int | str, dict[str, Any]] = {
    202: {"model": shapes.Hooked, "description": "A retraining was started"},
    401: {"model": shapes.Detail, "description": "The webhook token is missing or wrong"},
    404: {"model": shapes.Detail, "description": "Webhook not enabled"},
    413: {"model": shapes.Faults, "description": "Too many bytes"},
    422: {"model": shapes.Faults, "description": "The problems, by location"},
    502: {"model": shapes.Detail, "description": "The retraining could not be started"},
}


@dataclass(frozen=True)
class Hook:
    """The token of callers, the alerts that trigger a retraining, and where it runs."""

    token: str
    alerts: tuple[str, ...]
    starter: Starter


def router(hook: Hook | None, snapshots: Snapshots) -> APIRouter:
    """Returns the route; without a hook it answers 404."""
    routes = APIRouter(prefix="/hooks", tags=["hooks"])

    content = {"application/json": {"schema": alerts.body_schema()}}

    @routes.post(
        "/alertmanager",
        response_model=shapes.Hooked,
        responses=RESPONSES,
        openapi_extra={"requestBody": {"required": True, "content": content}},
    )
    async def alertmanager(request: Request, given: Given) -> Response:
        """Start a retraining if a configured alert fires, at most once per cooldown; 200 with the reason if not."""
        enabled = _admitted(hook, given)
        body = await capped_body(request, MOST_BYTES)
        return await run_in_threadpool(_answer, enabled, snapshots, body)

    return routes


def _admitted(hook: Hook | None, given: HTTPAuthorizationCredentials | None) -> Hook:
    if hook is None:
        raise HTTPException(404, f"webhook not enabled: {HOOK_TOKEN} is not set")
    shown = given.credentials if given else ""
    if not hmac.compare_digest(shown.encode(), hook.token.encode()):
        raise HTTPException(401, "the webhook's bearer token is required", {"WWW-Authenticate": "Bearer"})
    return hook


def _answer(hook: Hook, snapshots: Snapshots, body: bytes) -> Response:
    names = alerts.firing(alerts.message(body), hook.alerts)
    if not names:
        return _response(200, "nothing", f"none of these alerts is firing: {', '.join(hook.alerts)}")
    if doubts := _doubts(snapshots):
        return _response(200, "nothing", f"not retraining, data checks failed: {doubts}", names)
    try:
        started = hook.starter.start(names)
    except StartFailed as error:
        return JSONResponse({"detail": str(error)}, 502)
    return _response(202 if started.is_new else 200, "started" if started.is_new else "nothing", started.message, names)


def _doubts(snapshots: Snapshots) -> str | None:
    """Returns the failed data checks of the newest snapshot: an outage raises the same alerts as drift."""
    try:
        with snapshots.use() as snapshot:
            (row,) = snapshot.rows("select any_value(data_doubts) as doubts from retraining_triggers")
    except ChurnDuckError:
        return None
    return row["doubts"] or None


def _response(status: int, done: str, message: str, names: list[str] | None = None) -> Response:
    return JSONResponse({"done": done, "message": message, "alerts": names or []}, status)
