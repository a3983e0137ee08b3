"""The consent page, and the endpoints for tokens."""

from __future__ import annotations

import re
import secrets
from collections import OrderedDict
from pathlib import Path
from threading import Lock
from urllib.parse import unquote_plus

from flask import Blueprint, Response, jsonify, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from workflow.rehearsal.oauth import service_account
from workflow.rehearsal.oauth.asking import SCOPE_WORDS, Asking, BadAsking, read_asking
from workflow.rehearsal.oauth.grants import Consent, Grants, Tokens
from workflow.rehearsal.oauth.refusals import NOT_DELEGATED, REHEARSED, OAuthError
from workflow.rehearsal.pages.guard import guarded, page_policy
from workflow.rehearsal.wire.faults import Fault
from workflow.rehearsal.wire.pipeline import Pipeline
from workflow.rehearsal.wire.signin import full_scope

_ADDRESS = re.compile(r"[^@\s:]+@[^@\s:]+\.[^@\s:]+")
_OPEN_QUESTIONS = 100
_SCOPE_BASE = "https://www.googleapis.com/auth/"


def blueprint(pipeline: Pipeline, grants: Grants, folder: Path) -> Blueprint:
    """The sign-in of a rehearsal Google, at Google's paths; `folder` is where its key lies."""
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
        """The page on which a person chooses the account and what to allow."""
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
        """Back to the app, with a code or with a no."""
        # The key is known to the page alone: another site's form can't send it.
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
        if form.get("grant_type") == service_account.GRANT_TYPE:
            return self._noted(jsonify(self._delegated(form.get("assertion", ""), seconds)))
        client = _client()
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
        asked = service_account.read_assertion(assertion, self._folder, now=self._pipeline.clock())
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
        """Withdraw a sign-in."""
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
        # Browsers hold the redirect that follows a form against the same rule.
        allowed = f"form-action 'self' {asking.origin}"
        policy = page_policy().replace("form-action 'self'", allowed)
        page.headers["Content-Security-Policy"] = policy
        page.headers["Cache-Control"] = "no-store"
        return page

    def _noted(self, response: Response) -> Response:
        self._pipeline.log.add("oauth2.token", str(response.status_code), "")
        return response


def _client() -> str:
    """The client's id, from the header or the body (RFC 6749, 2.3.1). Raises OAuthError."""
    basic = request.authorization
    if basic is not None and basic.type == "basic":
        client, secret = unquote_plus(basic.username or ""), basic.password or ""
    else:
        client, secret = request.form.get("client_id", ""), request.form.get("client_secret", "")
    if not client or not secret:
        raise OAuthError("invalid_client", REHEARSED["invalid_client"])
    return client


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
