"""Request counts and latencies, with labels of bounded cardinality."""

from __future__ import annotations

import time

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from starlette.types import ASGIApp, Message, Receive, Scope, Send

METHODS = {"GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"}
OTHER = "other"
# creation times would double the number of series for no use
disable_created_metrics()  # type: ignore[no-untyped-call]


class Traffic:
    """The metrics of one API, in its own registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "churn_api_requests_total", "Requests answered.", ["method", "route", "status"], registry=self.registry
        )
        self.latency = Histogram(
            "churn_api_request_latency_seconds", "Seconds to answer.", ["method", "route"], registry=self.registry
        )
        self.predictions = Counter(
            "churn_api_predictions_total", "Users whose risk was predicted.", registry=self.registry
        )


class Counted:
    """ASGI middleware: one observation per request, by route template; unknown paths share one label."""

    def __init__(self, app: ASGIApp, traffic: Traffic) -> None:
        self.app, self.traffic = app, traffic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status, started = 500, time.perf_counter()

        async def observe(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, observe)
        finally:
            method = scope["method"] if scope["method"] in METHODS else OTHER
            route = getattr(scope.get("route"), "path_format", OTHER)
            self.traffic.requests.labels(method, route, str(status)).inc()
            self.traffic.latency.labels(method, route).observe(time.perf_counter() - started)
