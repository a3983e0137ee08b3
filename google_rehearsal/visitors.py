"""Visitors whose user the kernel doesn't name must show the home's secret.

The secret is in the rehearsal's folder, which its owner alone can read, and lasts as long as the
folder. A program shows it in its bearer token: `rehearsal-SECRET` or `xoxb-rehearsal-SECRET`.
Tokens that the sign-in issued are as good. A browser gets it once, as a cookie, by the address that
`rehearse serve` prints.

Not behind the secret: what proves who it is by itself (the control API, the token endpoints), what
Google shows to everybody (a published picture), and messages to a chat, which read nothing. The
mail relay is open too, as nobody can read a mail there.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable
from pathlib import Path

from flask import Flask, Response, jsonify, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from google_rehearsal.lifecycle import FileLock, make_private, write_private
from google_rehearsal.page_views import guarded

SECRET_FILE = "secret"  # noqa: S105 - its name
_LOCK = "secret.lock"
_BYTES = 16
_COOKIE_SECONDS = 365 * 86_400
_MADE_UP = re.compile("(?:xoxb-)?rehearsal-([0-9a-f]+)")
_OPEN = frozenset(
    {
        *("oauth.token", "oauth.revoke"),  # a code, a refresh token or a signature
        *("pages.static", "pages.published"),  # for everybody, as at Google
        *("webhooks.webhook", "webhooks.google_chat"),  # they take a message and answer `ok`
        "visitors.enter",
    }
)
_PAGES = ("pages.", "oauth.")
_PAGES_OF_CHATS = ("webhooks.message", "webhooks.colleagues")


def ensure_secret(folder: Path) -> str:
    """The secret of a rehearsal's folder in hexadecimal digits; created if missing."""
    path = folder / SECRET_FILE
    make_private(folder)
    with FileLock(folder / _LOCK):
        if not path.exists():
            write_private(path, secrets.token_hex(_BYTES))
        return path.read_text(encoding="ascii").strip()


def admit_by_secret(
    app: Flask,
    secret: str,
    *,
    asks: bool,
    is_issued: Callable[[str], bool],
    refused: Callable[[], Response],
) -> None:
    """Refuse a wrong secret, and with `asks` everybody who doesn't show it.

    `is_issued` knows the tokens of the sign-in; `refused` is Google's answer to any other.
    """
    cookie = f"rehearsal-{hashlib.sha256(secret.encode()).hexdigest()[:8]}"

    @app.before_request
    def check_secret() -> AnyResponse | None:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        shown = _shown_in(token)
        endpoint = request.endpoint or ""
        refusal = _slacks_refusal if endpoint.startswith("webhooks.") else refused
        if shown and not _is_same(shown, secret):
            return refusal()
        is_vouched_for = (
            not asks
            or endpoint in _OPEN
            or endpoint.startswith("switchboard.")  # it has a key of its own
            or bool(shown)
            or (bool(token) and is_issued(token))
            or _is_same(request.cookies.get(cookie, ""), secret)
        )
        if is_vouched_for:
            return None
        if endpoint.startswith(_PAGES) or endpoint in _PAGES_OF_CHATS:
            return _locked()
        return refusal()

    @app.get("/open/<shown>", endpoint="visitors.enter")
    def enter(shown: str) -> AnyResponse:
        if not _is_same(shown, secret):
            return _locked()
        answer = redirect("/", 303)
        answer.set_cookie(
            cookie, secret, max_age=_COOKIE_SECONDS, httponly=True, samesite="Lax", path="/"
        )
        answer.headers["Cache-Control"] = "no-store"
        answer.headers["Referrer-Policy"] = "no-referrer"
        return answer


def _shown_in(token: str) -> str:
    """The secret in a made-up token, "" if it has none."""
    found = _MADE_UP.fullmatch(token.partition(":")[0])
    return found[1] if found else ""


def _is_same(shown: str, secret: str) -> bool:
    return hmac.compare_digest(shown.encode(), secret.encode())


def _slacks_refusal() -> Response:
    return jsonify(ok=False, error="invalid_auth")


def _locked() -> Response:
    return guarded(make_response(render_template("rehearsal/locked.html"), 403))
