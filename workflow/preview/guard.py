"""Who may see the preview, and what its pages may do.

Every customer's name is in it, on a machine that others may use too. So the address carries a
secret; it stays in the path and is no cookie, because browsers send the cookies of 127.0.0.1 to
whatever listens on any of its ports.
"""

from __future__ import annotations

import secrets

from flask import Flask, Response, request

_HOSTS = frozenset({"127.0.0.1", "localhost"})
_PAGE = {
    "default-src": "'none'",
    "style-src": "'self'",
    "script-src": "'self'",
    "img-src": "'self'",
    "frame-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
_MAIL = {
    "default-src": "'none'",
    "img-src": "data:",
    "style-src": "'unsafe-inline'",
    "form-action": "'none'",
    "base-uri": "'none'",
    "frame-ancestors": "'self'",
    "sandbox": "",
}


def protect(app: Flask, token: str) -> None:
    """Let in only what carries `token` as the first part of its path, and close the pages in."""

    @app.before_request
    def check() -> Response | None:
        if not _is_own_name(request.host):
            return _refusal("This page answers only as 127.0.0.1.")
        given = request.path.split("/")[1]
        if not secrets.compare_digest(given.encode("utf-8", "replace"), token.encode()):
            return _refusal("Open the whole address that `notify --preview` printed.")
        return None

    @app.after_request
    def close_in(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", _written(_PAGE))
        response.headers["Cache-Control"] = "no-store"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def mail_policy() -> str:
    """The policy of a mail's own HTML: it is shown, and runs, sends and fetches nothing."""
    return _written(_MAIL)


def _is_own_name(host: str) -> bool:
    # A page on the internet may point its own name at 127.0.0.1; its name gives it away.
    return host.partition(":")[0] in _HOSTS


def _refusal(sentence: str) -> Response:
    return Response(f"{sentence}\n", 403, content_type="text/plain; charset=utf-8")


def _written(directives: dict[str, str]) -> str:
    return "; ".join(f"{name} {value}".strip() for name, value in directives.items())
