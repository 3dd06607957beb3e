"""Sessions of the dashboard: a browser cannot send a bearer token, so it sends a signed cookie instead."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from urllib.parse import parse_qsl, urlencode, urlsplit

from fastapi import Request
from fastapi.responses import Response

COOKIE = "churn_duck_session"
SECONDS = 12 * 3600
MOST_ENDED = 10_000


class NotSignedIn(Exception):
    """A token is required, and neither it nor a session was sent."""


class Sessions:
    """Access to the pages: open without a token, else for callers who send it or have signed in with it.

    A session is `expiry.nonce.signature`. Its key is derived from the token by a slow function, so that a stolen cookie
    does not help to guess it; a new token ends all sessions. Sessions are not stored, so that they are valid on every
    replica and after a restart; ended ones are remembered until they would have expired, by this process only.
    """

    def __init__(self, token: str | None) -> None:
        self._token = token
        self._key = b"" if token is None else _derived(token)
        # claim to expiry, oldest first; only holders of the token can add any
        self._ended: dict[str, int] = {}

    @property
    def are_needed(self) -> bool:
        return self._token is not None

    def is_token(self, shown: str) -> bool:
        """Whether this is the token, in constant time."""
        return self._token is not None and hmac.compare_digest(shown.encode(), self._token.encode())

    def new(self) -> str:
        """Returns a new session."""
        claim = f"{int(time.time()) + SECONDS}.{secrets.token_hex(8)}"
        return f"{claim}.{self._signature(claim)}"

    def holds(self, session: str) -> bool:
        """Whether the session is signed with this token, has not expired and was not ended here."""
        claim, _, signature = session.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(claim).encode()):
            return False
        return time.time() < _expiry(claim) and claim not in self._ended

    def end(self, session: str) -> None:
        """End the session, for every copy of its cookie."""
        if not self.holds(session):
            return
        claim, now = session.rpartition(".")[0], time.time()
        kept = [(ended, expiry) for ended, expiry in self._ended.items() if expiry > now]
        self._ended = dict([*kept[-MOST_ENDED + 1 :], (claim, _expiry(claim))])

    def require(self, request: Request) -> None:
        """Raises: NotSignedIn when neither the token nor a valid session was sent."""
        if self._token is None or self.holds(request.cookies.get(COOKIE, "")):
            return
        scheme, _, shown = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not self.is_token(shown):
            raise NotSignedIn

    def _signature(self, claim: str) -> str:
        return hmac.new(self._key, claim.encode(), hashlib.sha256).hexdigest()


def _expiry(claim: str) -> int:
    return int(claim.partition(".")[0])


def _derived(token: str) -> bytes:
    return hashlib.scrypt(token.encode(), salt=b"churn-duck dashboard session", n=2**14, r=8, p=1, dklen=32)


def keep(response: Response, request: Request, session: str) -> None:
    """Set the cookie; an empty session ends it."""
    # a proxy that terminates TLS sets the header; a forged one only makes the cookie stricter
    secure = "https" in (request.url.scheme, request.headers.get("x-forwarded-proto", ""))
    response.set_cookie(
        COOKIE, session, max_age=SECONDS if session else 0, httponly=True, samesite="strict", secure=secure, path="/"
    )


def is_own(request: Request) -> bool:
    """Whether a form was sent by a page of this server, according to the browser's headers."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


def safe_target(wanted: str, pages: tuple[str, ...]) -> str:
    """Returns the page to go to, relative and one of `pages`; any other target leads to the first."""
    path, _, query = wanted.partition("?")
    if path not in pages:
        return pages[0]
    given = urlencode(parse_qsl(query))
    return f"{path}?{given}" if given else path
