"""Bearer tokens, the addresses that may be bound without one, and the limit on request bodies."""

from __future__ import annotations

import hmac
import ipaddress
import os
from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from churn_duck.errors import ConfigError
from churn_duck.serving.api.requests import Problem, Refused

TOKEN, HOOK_TOKEN = "CHURN_DUCK_TOKEN", "CHURN_DUCK_HOOK_TOKEN"
bearer = HTTPBearer(auto_error=False, description=f"The value of {TOKEN}, where the server has one.")
Given = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]


def token_from_environment(name: str = TOKEN) -> str | None:
    """Returns the token that callers must send, or None.

    Raises: ConfigError when the variable is set but empty, as with a secret that was not mounted.
    """
    token = os.environ.get(name)
    if token is not None and not token.strip():
        raise ConfigError(f"{name} is empty; give it a value, or unset it")
    return token


def require_closed(host: str, token: str | None, allow_open: bool) -> None:
    """Raises: ConfigError for an address that others can reach, without a token, unless `allow_open`."""
    if token is None and not allow_open and not _is_loopback(host):
        raise ConfigError(f"--host {host} is reachable by others and {TOKEN} is not set; set it, or pass --allow-open")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def guard(token: str | None) -> Callable[[HTTPAuthorizationCredentials | None], None]:
    """Returns a dependency that admits callers with the token, or everybody if there is none."""

    def allowed(given: Given) -> None:
        shown = given.credentials if given else ""
        if token is not None and not hmac.compare_digest(shown.encode(), token.encode()):
            raise HTTPException(401, "a bearer token is required", {"WWW-Authenticate": "Bearer"})

    return allowed


async def capped_body(request: Request, max_bytes: int) -> bytes:
    """Returns the whole body. Raises: Refused (413) as soon as it is too long."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise Refused(413, [Problem(("body",), f"more than {max_bytes} bytes", "too_long")])
    return bytes(body)
