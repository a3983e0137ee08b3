"""A bot that speaks in a Slack channel, by slack_sdk."""

from __future__ import annotations

import importlib.util
import json
import logging
import socket
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from workflow.colleagues.answers import Answer, bot_answer
from workflow.colleagues.posting import lost
from workflow.google.endpoint import is_loopback

if TYPE_CHECKING:
    from slack_sdk import WebClient

_LARGEST_ANSWER_BYTES = 1 << 20


def is_installed() -> bool:
    """Whether slack_sdk is there: it comes with the extra `slack`."""
    return importlib.util.find_spec("slack_sdk") is not None


def post_message(
    token: str, channel: str, text: str, *, api_url: str, timeout_seconds: float
) -> Answer:
    """Say a text in mrkdwn in a channel, once."""
    from slack_sdk.errors import SlackClientError  # noqa: PLC0415 - an extra, and only a bot needs it

    host = urlsplit(api_url).hostname or ""
    client = _client_class()(
        token=token,
        base_url=api_url,
        timeout=max(1, round(timeout_seconds)),
        # Its own handlers repeat a POST after a broken connection: the message would be told twice.
        retry_handlers=[],
        logger=_silent(),
    )
    try:
        response = client.chat_postMessage(
            channel=channel, text=text, link_names=False, unfurl_links=False, unfurl_media=False
        )
    except SlackClientError as said:
        answer = getattr(said, "response", None)
        if answer is None:
            return lost(host, reached=True)
        return bot_answer(
            int(answer.status_code),
            False,
            str(answer.get("error") or ""),
            retry_after=str(_header(answer.headers, "retry-after")),
        )
    except URLError as fault:
        # urllib wraps all that goes wrong until the request is written; these two are certain.
        refused = isinstance(fault.reason, ConnectionRefusedError | socket.gaierror)
        return lost(host, reached=not refused)
    except (OSError, HTTPException, UnicodeError):
        return lost(host, reached=True)
    return bot_answer(
        int(response.status_code), bool(response.get("ok")), "", timestamp=str(response.get("ts"))
    )


class _Stay(HTTPRedirectHandler):
    """Follows no redirect: it would carry the token to whatever host an answer names."""

    def redirect_request(self, *_: object) -> None:
        return None


def _client_class() -> type[WebClient]:
    from slack_sdk import WebClient  # noqa: PLC0415

    class Once(WebClient):
        """A client whose one call goes to the host that it is for, and to no other."""

        def _perform_urllib_http_request_internal(self, url: str, req: Request) -> dict[str, Any]:
            # A stand-in is on this machine: a proxy would carry the token away from it.
            direct = [ProxyHandler({})] if is_loopback(urlsplit(url).hostname or "") else []
            try:
                answer = build_opener(_Stay, *direct).open(req, timeout=self.timeout)
            except HTTPError as said:
                answer = said
            with answer:
                body = answer.read(_LARGEST_ANSWER_BYTES)
                return {
                    "status": answer.code,
                    "headers": answer.headers,
                    "body": _object_or_nothing(body.decode("utf-8", "replace")),
                }

    return Once


def _object_or_nothing(body: str) -> str:
    """Slack's answer is an object; of anything else slack_sdk makes a fault of its own."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    return body if isinstance(found, dict) else "{}"


def _header(headers: dict[str, str], name: str) -> str:
    return next((value for key, value in headers.items() if key.lower() == name), "")


def _silent() -> logging.Logger:
    """A logger that nobody hears: slack_sdk writes its faults to stderr where none is given."""
    logger = logging.getLogger("workflow.colleagues.slack_sdk")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    return logger
