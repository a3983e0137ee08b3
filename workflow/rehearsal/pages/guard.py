"""What every page tells the browser it may do: nothing but show this page's own text and styles."""

from __future__ import annotations

from flask import Response

_PAGE = {
    "default-src": "'none'",
    "style-src": "'self'",
    "img-src": "'self'",
    "frame-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
_MAIL = {
    "default-src": "'none'",
    "style-src": "'unsafe-inline'",
    "img-src": "data:",
    "form-action": "'none'",
    "base-uri": "'none'",
    "frame-ancestors": "'self'",
    "sandbox": "",
}


def page_policy(nonce: str = "") -> str:
    """The Content-Security-Policy of a page; its one `style` element may carry `nonce`."""
    directives = _PAGE if not nonce else _PAGE | {"style-src": f"'self' 'nonce-{nonce}'"}
    return _written(directives)


def mail_policy() -> str:
    """The policy of a mail's own HTML: it is shown, and runs, sends and fetches nothing."""
    return _written(_MAIL)


def guarded(response: Response) -> Response:
    """The response with the headers that every page has; a policy already set is kept."""
    response.headers.setdefault("Content-Security-Policy", page_policy())
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    return response


def _written(directives: dict[str, str]) -> str:
    return "; ".join(f"{name} {value}".strip() for name, value in directives.items())
