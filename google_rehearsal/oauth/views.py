"""The consent page, and the endpoints for tokens.

An app's request is read from the address of the consent page.
"""

from __future__ import annotations

import re
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from urllib.parse import SplitResult, unquote_plus, urlencode, urlsplit

from flask import Blueprint, Response, jsonify, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from google_rehearsal.oauth import grants
from google_rehearsal.oauth.grants import (
    NOT_DELEGATED,
    REHEARSED,
    Consent,
    Grants,
    OAuthError,
    Tokens,
)
from google_rehearsal.page_views import guarded, page_policy
from google_rehearsal.wire.admission import full_scope
from google_rehearsal.wire.errors import known_scopes
from google_rehearsal.wire.faults import Fault
from google_rehearsal.wire.pipeline import Pipeline

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")

# Google's page about scopes, in our words.
SCOPE_WORDS = {
    "drive.file": "See, edit, create and delete only the Drive files that you use with this app",
    "drive": "See, edit, create and delete all of your Drive files",
    "documents": "See, edit, create and delete all your Google Docs documents",
    "gmail.compose": "Manage drafts and send emails",
    "gmail.send": "Send email on your behalf",
    "gmail.readonly": "View your email messages and settings",
    "gmail.modify": "Read, compose and send emails",
}


class BadAsking(ValueError):
    """A request that Google answers with a page instead of returning to the app."""


@dataclass(frozen=True)
class Asking:
    """An app's request. `scopes` are full URLs."""

    client: str
    scopes: tuple[str, ...]
    redirect_uri: str
    state: str
    challenge: str
    offline: bool
    consent_anew: bool
    hint: str

    def back_with(self, **answer: str) -> str:
        """The address that returns the browser to the app."""
        joint = "&" if "?" in self.redirect_uri else "?"
        return self.redirect_uri + joint + urlencode({"state": self.state, **answer})

    @property
    def origin(self) -> str:
        """The app's own address."""
        parts = urlsplit(self.redirect_uri)
        return f"{parts.scheme}://{parts.netloc}"


def read_asking(query: Mapping[str, str]) -> Asking:
    """The request in a consent page's address. Raises BadAsking."""
    redirect = _redirect(query.get("redirect_uri", ""))
    if redirect.scheme != "http" or redirect.hostname not in _LOOPBACK:
        # A desktop client may only return to this machine (RFC 8252, 7.3).
        raise BadAsking("Error 400: redirect_uri_mismatch")
    if query.get("response_type") != "code":
        raise BadAsking("Error 400: unsupported_response_type")
    if not query.get("client_id"):
        raise BadAsking("Error 401: invalid_client")
    scopes = tuple(dict.fromkeys(query.get("scope", "").split()))
    unknown = [scope for scope in scopes if scope not in known_scopes()]
    if unknown or not scopes:
        raise BadAsking(" ".join(["Error 400: invalid_scope.", *unknown]))
    challenge = query.get("code_challenge", "")
    if query.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(challenge):
        raise BadAsking("Error 400: invalid_request. This rehearsal insists on PKCE with S256.")
    return Asking(
        client=query["client_id"],
        scopes=scopes,
        redirect_uri=query["redirect_uri"],
        state=query.get("state", ""),
        challenge=challenge,
        offline=query.get("access_type") == "offline",
        consent_anew="consent" in query.get("prompt", "").split(),
        hint=query.get("login_hint", ""),
    )


def _redirect(address: str) -> SplitResult:
    try:
        return urlsplit(address)
    except ValueError as error:
        raise BadAsking("Error 400: redirect_uri_mismatch") from error


_ADDRESS = re.compile(r"[^@\s:]+@[^@\s:]+\.[^@\s:]+")
_OPEN_QUESTIONS = 100
_SCOPE_BASE = "https://www.googleapis.com/auth/"


def blueprint(pipeline: Pipeline, grants: Grants, folder: Path) -> Blueprint:
    """The sign-in of a rehearsal Google, at Google's paths; `folder` holds its key."""
    pages = Blueprint("oauth", __name__, template_folder="templates")
    views = _Views(pipeline, grants, folder)
    pages.after_request(guarded)
    pages.add_url_rule("/o/oauth2/auth", "ask", views.ask)
    pages.add_url_rule("/o/oauth2/v2/auth", "ask_too", views.ask)
    pages.add_url_rule("/o/oauth2/consent", "answer", views.answer, methods=["POST"])
    pages.add_url_rule("/token", "token", views.token, methods=["POST"])
    pages.add_url_rule("/revoke", "revoke", views.revoke, methods=["POST"])
    pages.register_error_handler(OAuthError, _refused)
    return pages


class _Views:
    def __init__(self, pipeline: Pipeline, grants: Grants, folder: Path) -> None:
        self._folder = folder
        self._pipeline = pipeline
        self._grants = grants
        self._lock = Lock()
        self._asked: OrderedDict[str, Asking] = OrderedDict()

    def ask(self) -> AnyResponse:
        """The page where a person chooses the account and what to allow."""
        try:
            asking = read_asking(request.args)
        except BadAsking as bad:
            return make_response(render_template("rehearsal_oauth/refused.html", says=bad), 400)
        key = secrets.token_urlsafe(24)
        with self._lock:
            self._asked[key] = asking
            while len(self._asked) > _OPEN_QUESTIONS:
                self._asked.popitem(last=False)
        return self._page(key, asking, asking.hint or self._pipeline.settings.account, "")

    def answer(self) -> AnyResponse:
        """Return to the app, with a code or a refusal."""
        # Only the page knows the key: another site's form can't send it.
        key = request.form.get("request", "")
        with self._lock:
            asking = self._asked.get(key)
        if asking is None:
            says = "This page has been answered already, or was opened long ago."
            return make_response(render_template("rehearsal_oauth/refused.html", says=says), 400)
        account = request.form.get("account", "").strip().lower()
        allowed = [scope for scope in asking.scopes if scope in request.form.getlist("scope")]
        if request.form.get("decision") == "allow" and not _ADDRESS.fullmatch(account):
            return self._page(key, asking, account, "Enter an email address.")
        with self._lock:
            self._asked.pop(key, None)
        if request.form.get("decision") != "allow" or not allowed:
            return redirect(asking.back_with(error="access_denied"))
        code = self._grants.code_for(
            Consent(
                client=asking.client,
                account=account,
                scopes=tuple(allowed),
                redirect_uri=asking.redirect_uri,
                challenge=asking.challenge,
                renewable=asking.offline and asking.consent_anew,
            )
        )
        return redirect(asking.back_with(code=code, scope=" ".join(allowed)))

    def token(self) -> Response:
        """Tokens for a code, or a new access token for a refresh token."""
        fault = self._pipeline.faults.take("oauth2.token")
        if fault is not None:
            return self._noted(_faulty(fault))
        form = request.form
        seconds = float(self._pipeline.settings.token_seconds)
        if form.get("grant_type") == grants.GRANT_TYPE:
            return self._noted(jsonify(self._delegated(form.get("assertion", ""), seconds)))
        client, secret = _client()
        self._grants.check_client(client, secret)
        if form.get("grant_type") == "authorization_code":
            tokens = self._grants.redeem(
                form.get("code", ""),
                client=client,
                redirect_uri=form.get("redirect_uri", ""),
                verifier=form.get("code_verifier", ""),
                seconds=seconds,
            )
        elif form.get("grant_type") == "refresh_token":
            refresh_token = form.get("refresh_token", "")
            tokens = self._grants.renew(refresh_token, client=client, seconds=seconds)
        else:
            raise OAuthError("unsupported_grant_type", "Invalid grant_type")
        return self._noted(jsonify(_token_answer(tokens, seconds)))

    def _delegated(self, assertion: str, seconds: float) -> dict[str, object]:
        """A token of the service account for a person. Raises OAuthError."""
        settings = self._pipeline.settings
        asked = grants.read_assertion(assertion, self._folder, now=self._pipeline.clock())
        if not set(asked.scopes) <= {full_scope(name) for name in settings.delegated_scopes}:
            raise OAuthError("unauthorized_client", NOT_DELEGATED)
        known = {each.lower() for each in settings.mailboxes}
        if known and asked.subject not in known:
            raise OAuthError("invalid_grant", "Invalid email or User ID")
        token = self._grants.delegated(
            asked.subject, client=asked.client, scopes=asked.scopes, seconds=seconds
        )
        return {"access_token": token, "expires_in": int(seconds), "token_type": "Bearer"}

    def revoke(self) -> Response:
        """Revoke a sign-in."""
        self._grants.revoke(request.form.get("token", ""))
        self._pipeline.log.add("oauth2.revoke", "200", "")
        return jsonify({})

    def _page(self, key: str, asking: Asking, account: str, problem: str) -> Response:
        choices = [
            (scope, SCOPE_WORDS.get(scope.removeprefix(_SCOPE_BASE), scope))
            for scope in asking.scopes
        ]
        page = make_response(
            render_template(
                "rehearsal_oauth/consent.html",
                key=key,
                client=asking.client,
                choices=choices,
                account=account,
                problem=problem,
            )
        )
        # Browsers apply the same rule to the redirect after a form.
        allowed = f"form-action 'self' {asking.origin}"
        policy = page_policy().replace("form-action 'self'", allowed)
        page.headers["Content-Security-Policy"] = policy
        page.headers["Cache-Control"] = "no-store"
        return page

    def _noted(self, response: Response) -> Response:
        self._pipeline.log.add("oauth2.token", str(response.status_code), "")
        return response


def _client() -> tuple[str, str]:
    """A client's id and secret, in header or body (RFC 6749, 2.3.1). Raises OAuthError."""
    basic = request.authorization
    if basic is not None and basic.type == "basic":
        client, secret = unquote_plus(basic.username or ""), unquote_plus(basic.password or "")
    else:
        client, secret = request.form.get("client_id", ""), request.form.get("client_secret", "")
    if not client or not secret:
        raise OAuthError("invalid_client", REHEARSED["invalid_client"])
    return client, secret


def _token_answer(tokens: Tokens, seconds: float) -> dict[str, object]:
    renewal = {"refresh_token": tokens.refresh_token} if tokens.refresh_token else {}
    return {
        "access_token": tokens.access_token,
        "expires_in": int(seconds),
        "scope": " ".join(tokens.scopes),
        "token_type": "Bearer",
        **renewal,
    }


def _faulty(fault: Fault) -> Response:
    if fault.kind in REHEARSED:
        raise OAuthError(fault.kind, REHEARSED[fault.kind])
    response = jsonify(error="internal_failure", error_description="Backend Error")
    response.status_code = 503 if fault.kind == "503" else 500
    return response


def _refused(error: OAuthError) -> Response:
    response = jsonify(error.as_json())
    response.status_code = error.status
    return response
