"""The API: routes over published snapshots, thin over `answers`."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.concurrency import run_in_threadpool

from churn_duck import __version__
from churn_duck.errors import ChurnDuckError, ModelError, WarehouseError
from churn_duck.serving.api import answers
from churn_duck.serving.api import schemas as shapes
from churn_duck.serving.api.auth import capped_body, guard
from churn_duck.serving.api.openapi import router as description
from churn_duck.serving.api.request_metrics import Counted, Traffic
from churn_duck.serving.api.requests import Problem, Refused
from churn_duck.serving.api.session import Sessions
from churn_duck.serving.dashboard.routes import dashboard
from churn_duck.serving.hook.routes import Hook
from churn_duck.serving.hook.routes import router as hook_router
from churn_duck.serving.prometheus import exposition
from churn_duck.serving.snapshots import Snapshot, Snapshots
from churn_duck.warehouse.store import Warehouse

PAGE, LONGEST_PAGE = 50, 1000
# generous for a row of 250 features with their names
BYTES_A_ROW = 8192
FIXED = ("limit", "offset", "min_risk")
UNAVAILABLE: dict[int | str, dict[str, Any]] = {503: {"model": shapes.Detail, "description": "No snapshot available"}}
REFUSED: dict[int | str, dict[str, Any]] = {422: {"model": shapes.Faults, "description": "The problems, by location"}}
GUARDED: dict[int | str, dict[str, Any]] = {401: {"model": shapes.Detail, "description": "The token is missing"}}
TOO_LONG: dict[int | str, dict[str, Any]] = {413: {"model": shapes.Faults, "description": "Too many rows or bytes"}}
UNKNOWN: dict[int | str, dict[str, Any]] = {404: {"model": shapes.Detail, "description": "No such user"}}


def create_app(warehouse: Warehouse, token: str | None = None, hook: Hook | None = None) -> FastAPI:
    """The API and its dashboard over the snapshots of `warehouse`; callers must send `token`, if there is one."""
    snapshots, traffic, sessions = Snapshots(warehouse.root), Traffic(), Sessions(token)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        snapshots.close()

    app = FastAPI(
        title="Churn Duck", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None
    )
    app.add_middleware(Counted, traffic=traffic)
    app.include_router(_state(snapshots, traffic, warehouse))
    app.include_router(_answers(snapshots, traffic, warehouse), dependencies=[Depends(guard(token))])
    app.include_router(description(lambda: described(app, snapshots), app.title, token, sessions))
    app.include_router(hook_router(hook, snapshots))
    app.include_router(dashboard(snapshots, warehouse, sessions))
    _handle_errors(app)
    return app


def not_ready(snapshots: Snapshots, max_age_days: float | None) -> tuple[list[str], Snapshot | None]:
    """Returns why requests cannot be answered properly, and the snapshot that was checked."""
    try:
        with snapshots.use() as snapshot:
            reasons = []
            if snapshot.model is None:
                reasons.append("no model was in production when the snapshot was published")
            if max_age_days is not None and snapshot.age_days > max_age_days:
                reasons.append(f"the snapshot is {snapshot.age_days:.1f} days old, at most {max_age_days:g} allowed")
            return reasons, snapshot
    except ChurnDuckError as error:
        return [str(error)], None


def _state(snapshots: Snapshots, traffic: Traffic, warehouse: Warehouse) -> APIRouter:
    """Routes without authentication: health and metrics."""
    router = APIRouter(tags=["state"])
    settings = warehouse.settings.serving

    @router.get("/live", response_model=shapes.State)
    def live() -> Response:
        """Report that the process is alive."""
        return _json({"status": "live"})

    @router.get("/ready", response_model=shapes.State, responses={503: {"model": shapes.State}})
    def ready() -> Response:
        """Report whether there is a model and a recent snapshot; 503 with the reasons if not."""
        reasons, _ = not_ready(snapshots, settings.max_age_days)
        return _json({"status": "not ready" if reasons else "ready", "reasons": reasons}, 503 if reasons else 200)

    @router.get("/health", response_model=shapes.State)
    def health() -> Response:
        """Report the same for people, with the snapshot being served; always 200."""
        reasons, snapshot = not_ready(snapshots, settings.max_age_days)
        if snapshots.trouble and snapshots.trouble not in reasons:
            reasons.append(snapshots.trouble)
        served = answers.source(snapshot, snapshot.manifest.model_version) if snapshot else {}
        return _json({"status": "degraded" if reasons else "ok", "reasons": reasons, **served})

    @router.get("/metrics", response_class=PlainTextResponse)
    def metrics() -> Response:
        """Expose request metrics and the job figures of the snapshot for Prometheus."""
        text = generate_latest(traffic.registry).decode()
        try:
            with snapshots.use() as snapshot, snapshot.cursor() as cursor:
                text += exposition(cursor)
        except ChurnDuckError:
            # /ready says why
            pass
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    return router


def _answers(snapshots: Snapshots, traffic: Traffic, warehouse: Warehouse) -> APIRouter:
    """Routes that require the token."""
    router = APIRouter(tags=["churn"], responses={**UNAVAILABLE, **GUARDED})
    max_rows = warehouse.settings.serving.max_rows

    @router.post("/predict", response_model=shapes.Predictions, responses={**REFUSED, **TOO_LONG})
    async def predict(request: Request) -> Response:
        """Predict the risk of one user or many from their features, by the production model."""
        body = await capped_body(request, max_rows * BYTES_A_ROW)
        return await run_in_threadpool(answer, body)

    def answer(body: bytes) -> Response:
        with snapshots.use() as snapshot:
            content = answers.predictions(snapshot, body, max_rows)
        traffic.predictions.inc(len(content["predictions"]))
        return _json(content)

    @router.get("/at-risk", response_model=shapes.AtRisk, responses=REFUSED)
    def at_risk(
        request: Request,
        limit: Annotated[int, Query(ge=1, le=LONGEST_PAGE)] = PAGE,
        offset: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
        min_risk: Annotated[float, Query(ge=0, le=1)] = 0,
    ) -> Response:
        """List the users most at risk on the newest scored day, by page, also by attribute."""
        wanted = {name: request.query_params.getlist(name) for name in request.query_params if name not in FIXED}
        with snapshots.use() as snapshot:
            return _json(answers.at_risk(snapshot, limit, offset, min_risk, wanted))

    @router.get("/users/{user_id:path}", response_model=shapes.User, responses=UNKNOWN | REFUSED)
    def user(user_id: str) -> Response:
        """Show one user: risk, rank, reasons, earlier risks and active days."""
        with snapshots.use() as snapshot:
            content = answers.user(snapshot, user_id)
        if content is None:
            raise HTTPException(404, f"there is no user {user_id}")
        return _json(content)

    return router


def described(app: FastAPI, snapshots: Snapshots) -> dict[str, Any]:
    """Returns the OpenAPI document, with the features and attributes of the newest snapshot."""
    document = get_openapi(title=app.title, version=app.version, routes=app.routes)
    features, attributes = None, {}
    try:
        with snapshots.use() as snapshot:
            features = snapshot.model.schema if snapshot.model else None
            attributes = snapshot.attributes
    except WarehouseError:
        pass
    content = {"schema": shapes.body_schema(features)}
    if features is not None:
        user = shapes.example(features)
        content["examples"] = {"one": {"value": user}, "many": {"value": [user, {**user, "user_id": 18}]}}
    paths = document["paths"]
    paths["/predict"]["post"]["requestBody"] = {"required": True, "content": {"application/json": content}}
    paths["/at-risk"]["get"]["parameters"] += shapes.attribute_parameters(attributes)
    return document


def _handle_errors(app: FastAPI) -> None:
    """Callers' mistakes are 4xx, a missing snapshot or model is 503; anything else stays a 500."""

    @app.exception_handler(Refused)
    def refused(request: Request, error: Refused) -> Response:
        return _json({"detail": [vars(problem) for problem in error.problems]}, error.status)

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> Response:
        problems = [Problem(tuple(fault["loc"]), fault["msg"], fault["type"]) for fault in error.errors()]
        return refused(request, Refused(422, problems))

    @app.exception_handler(WarehouseError)
    @app.exception_handler(ModelError)
    def unavailable(request: Request, error: ChurnDuckError) -> Response:
        return _json({"detail": str(error)}, 503)


def _json(content: object, status: int = 200) -> Response:
    # FastAPI's encoder walks over every value, which takes longer than the model for a thousand users
    return Response(json.dumps(content, default=_plain, allow_nan=False), status, media_type="application/json")


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        # always UTC, without a time zone in DuckDB
        return f"{value.isoformat()}Z"
    return value.isoformat() if isinstance(value, date) else str(value)
