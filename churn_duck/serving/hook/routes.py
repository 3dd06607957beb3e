"""The webhook for Alertmanager: alerts on drift or losses start a retraining, once a cooldown."""

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
    401: {"model": shapes.Detail, "description": "The hook's token is missing"},
    404: {"model": shapes.Detail, "description": "There is no hook here"},
    413: {"model": shapes.Faults, "description": "Too many bytes"},
    422: {"model": shapes.Faults, "description": "What is wrong, by name"},
    502: {"model": shapes.Detail, "description": "It should have started and could not"},
}


@dataclass(frozen=True)
class Hook:
    """Who may call, which alerts ask for a retraining, and where it runs."""

    token: str
    alerts: tuple[str, ...]
    starter: Starter


def router(hook: Hook | None, snapshots: Snapshots) -> APIRouter:
    """The route; without a hook it answers 404."""
    routes = APIRouter(prefix="/hooks", tags=["hooks"])

    content = {"application/json": {"schema": alerts.body_schema()}}

    @routes.post(
        "/alertmanager",
        response_model=shapes.Hooked,
        responses=RESPONSES,
        openapi_extra={"requestBody": {"required": True, "content": content}},
    )
    async def alertmanager(request: Request, given: Given) -> Response:
        """Start a retraining for alerts that ask for one, once a cooldown; 200 and why where nothing is done."""
        known = _admitted(hook, given)
        body = await capped_body(request, MOST_BYTES)
        return await run_in_threadpool(_answer, known, snapshots, body)

    return routes


def _admitted(hook: Hook | None, given: HTTPAuthorizationCredentials | None) -> Hook:
    if hook is None:
        raise HTTPException(404, f"there is no hook here; {HOOK_TOKEN} is not set")
    shown = given.credentials if given else ""
    if not hmac.compare_digest(shown.encode(), hook.token.encode()):
        raise HTTPException(401, "the hook's bearer token is needed", {"WWW-Authenticate": "Bearer"})
    return hook


def _answer(hook: Hook, snapshots: Snapshots, body: bytes) -> Response:
    asking = alerts.asking(alerts.message(body), hook.alerts)
    if not asking:
        return _told(200, "nothing", f"none of these fires: {', '.join(hook.alerts)}")
    if doubts := _doubts(snapshots):
        return _told(200, "nothing", f"not on data that is itself in doubt: {doubts} FAILed", asking)
    try:
        started = hook.starter.start(asking)
    except StartFailed as error:
        return JSONResponse({"detail": str(error)}, 502)
    return _told(202 if started.is_new else 200, "started" if started.is_new else "nothing", started.message, asking)


def _doubts(snapshots: Snapshots) -> str | None:
    """Why nothing should be learned from the data, as the newest snapshot has it: an outage alerts as drift does."""
    try:
        with snapshots.use() as snapshot:
            (row,) = snapshot.rows("select any_value(data_doubts) as doubts from retraining_triggers")
    except ChurnDuckError:
        return None
    return row["doubts"] or None


def _told(status: int, done: str, message: str, asking: list[str] | None = None) -> Response:
    return JSONResponse({"done": done, "message": message, "alerts": asking or []}, status)
