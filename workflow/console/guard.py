"""Access to the console, and the limits of its pages.

The page shows every customer's address and can send mail, on a machine that other people and every
web page in the browser can reach as well. So:

- it listens on loopback, and answers only to its own name and port (the Host header reveals a web
  page that points its own name at 127.0.0.1);
- the key is in a file that only this person can read, is posted once, and becomes a cookie that
  scripts can't read and other sites' requests don't carry; no address holds a secret;
- a change is accepted only from one of its own pages: the Origin is checked, and each form carries
  a token;
- pages run no inline script or style, load nothing from elsewhere, and can't be framed;
- browsers send a cookie of 127.0.0.1 to all its ports. On Linux the kernel says whose connection
  it is, so a cookie stolen by another account of this machine opens nothing.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from flask import Flask, Response, request

COOKIE = "postmortem_console"
CSRF_FIELD = "csrf"
_HOSTS = frozenset({"127.0.0.1", "localhost"})
_SAFE_METHODS = frozenset({"GET", "HEAD"})
_OPEN_TO_ALL = frozenset({"doorway.sign_in", "doorway.enter", "static", "look"})
_CONNECTIONS = Path("/proc/net/tcp")
_PAGE = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "frame-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}


@dataclass(frozen=True)
class Keys:
    """One run's secrets: `entry` for the sign-in, `session` for the cookie, `csrf` for forms."""

    entry: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    session: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(32))


class Refused(Exception):
    """A request that no page of the console makes. `str()` is the sentence."""


def protect(app: Flask, keys: Keys) -> None:
    """Admit only this person's own browser, and restrict the pages."""

    @app.before_request
    def check() -> Response | None:
        try:
            _refuse_strangers()
            if request.method not in _SAFE_METHODS:
                _refuse_other_pages(may_be_a_file=request.endpoint == "doorway.enter")
        except Refused as refused:
            return _plain(f"{refused}\n", 403)
        if request.endpoint in _OPEN_TO_ALL:
            return None
        if not _is_same(request.cookies.get(COOKIE, ""), keys.session):
            return _to_the_door()
        if request.method not in _SAFE_METHODS and not _is_same(
            request.form.get(CSRF_FIELD, ""), keys.csrf
        ):
            words = "This page is from an earlier run of the console. Load it again, then try again"
            return _plain(f"{words}. Nothing was changed.\n", 403)
        return None

    @app.after_request
    def close_in(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", written(_PAGE))
        response.headers["Cache-Control"] = "no-store"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        # Not no-referrer: with that, browsers post forms as Origin: null (Fetch, section 3.2).
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def let_in(response: Response, keys: Keys, given: str) -> bool:
    """Set the browser's cookie if the key is right; returns whether it is."""
    if not _is_same(given.strip(), keys.entry):
        return False
    response.set_cookie(COOKIE, keys.session, httponly=True, samesite="Strict", path="/")
    return True


def page_policy(**changed: str) -> str:
    """The policy of a page; `changed` replaces directives, with `_` for `-`."""
    return written(_PAGE | {name.replace("_", "-"): value for name, value in changed.items()})


def written(directives: dict[str, str]) -> str:
    """Directives in the header's form."""
    return "; ".join(f"{name} {value}".strip() for name, value in directives.items())


def _refuse_strangers() -> None:
    name, _, port = request.host.partition(":")
    if name not in _HOSTS or port != str(request.environ.get("SERVER_PORT", "")):
        raise Refused("This page answers only as 127.0.0.1.")
    # The browser says where a request comes from. Another page may only use the sign-in: the file
    # with the key is one.
    site = request.headers.get("Sec-Fetch-Site", "none")
    if site not in {"none", "same-origin"} and request.endpoint not in _OPEN_TO_ALL:
        raise Refused("Another page asked for this. Type the address into the browser instead.")
    if not _is_own_connection():
        raise Refused("This console belongs to another account of this machine.")


def _refuse_other_pages(*, may_be_a_file: bool) -> None:
    origin = request.headers.get("Origin", "")
    if origin == f"http://{request.host}" or (may_be_a_file and origin == "null"):
        return
    raise Refused("Another page tried to change something here. Nothing was changed.")


def _is_own_connection() -> bool:
    """Whether the connection is this person's, or root's; True if unknown."""
    if not hasattr(os, "getuid") or not _CONNECTIONS.exists():
        return True
    far = _as_the_kernel_writes_it(
        request.remote_addr or "", str(request.environ.get("REMOTE_PORT", ""))
    )
    for line in _CONNECTIONS.read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        if fields[1] == far:
            return int(fields[7]) in {0, os.getuid()}
    return True  # such as through a tunnel, whose end is in another network namespace


def _as_the_kernel_writes_it(host: str, port: str) -> str:
    """`127.0.0.1`, `8080` as `0100007F:1F90`; "" if it isn't an IPv4 address."""
    try:
        packed = ip_address(host).packed
    except ValueError:
        return ""
    return f"{packed[::-1].hex().upper()}:{int(port or 0):04X}"


def _to_the_door() -> Response:
    """Send pages to the sign-in; parts of pages only get a message."""
    if request.headers.get("HX-Request") or request.path.endswith("/events"):
        return _plain("The console was started again. Load this page again.\n", 403)
    response = Response(status=303)
    response.headers["Location"] = "/sign-in"
    return response


def _plain(words: str, status: int) -> Response:
    return Response(words, status, content_type="text/plain; charset=utf-8")


def _is_same(given: str, meant: str) -> bool:
    return secrets.compare_digest(given.encode("utf-8", "replace"), meant.encode())
