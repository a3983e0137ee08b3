"""The steps of a call: route, faults, sign-in, quota, checks, work, answer.

`RequestLog` counts requests per method, and keeps the last ones and any defects.
"""

from __future__ import annotations

import json
import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from threading import Event, Lock
from typing import Any
from urllib.parse import parse_qs

from google_rehearsal.store import Settings, Store
from google_rehearsal.wire.admission import Holder, Quotas, caller_of, check_scopes
from google_rehearsal.wire.call import (
    Answer,
    Api,
    BadMask,
    Call,
    Mask,
    Media,
    apply_mask,
    check_mask,
    check_query,
    invalid_parameter,
    parse_mask,
    read_payload,
)
from google_rehearsal.wire.errors import (
    GoogleError,
    Match,
    Method,
    answer_fault,
    find_method,
    internal,
    invalid_argument,
    no_such_method,
    not_found,
    not_rehearsed,
    schemas,
    service_of,
)
from google_rehearsal.wire.faults import (
    AFTER_BY_CONNECTION,
    AFTER_REFUSALS,
    BEFORE_BY_CONNECTION,
    FALSE_404,
    Fault,
    FaultTable,
    refusal,
)

_REMEMBERED = 1_000


class RequestLog:
    """Count calls. A defect is an answer of the rehearsal that Google could not give."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: Counter[str] = Counter()
        self._recent: deque[dict[str, Any]] = deque(maxlen=_REMEMBERED)
        self._defects: list[str] = []

    def add(self, method_id: str, status: str, account: str) -> None:
        """Note one call: its answer's code, or what was done to the connection instead."""
        with self._lock:
            self._counts[method_id] += 1
            self._recent.append({"method": method_id, "status": status, "account": account})

    def add_defect(self, sentence: str) -> None:
        """Note a defect of the rehearsal itself."""
        with self._lock:
            self._defects.append(sentence)

    def clear(self) -> None:
        """Forget all calls; defects stay."""
        with self._lock:
            self._counts.clear()
            self._recent.clear()

    def as_json(self) -> dict[str, Any]:
        """Counts by method id, their total, the last calls (oldest first), and the defects."""
        with self._lock:
            return {
                "total": self._counts.total(),
                "counts": dict(self._counts),
                "recent": list(self._recent),
                "defects": list(self._defects),
            }


_LOG = logging.getLogger("google_rehearsal")
_JSON = "application/json; charset=UTF-8"


@dataclass(frozen=True)
class WireRequest:
    """An HTTP request.

    `path` is percent-decoded, `target` is the original path and query, `base_url` is the server's
    address as the client used it.
    """

    verb: str
    path: str
    query: Mapping[str, list[str]]
    body: bytes = b""
    content_type: str = ""
    authorization: str = ""
    verb_override: str = ""
    base_url: str = ""
    target: str = ""


@dataclass(frozen=True)
class WireAnswer:
    """An HTTP answer; `sever` says what the server does to the connection instead of sending it.

    `close` sends nothing, `hang` sends nothing for `hang_seconds` and closes, `half` sends half of
    the body and closes, `garbage` sends something other than HTTP and closes.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    sever: str = ""
    hang_seconds: float = 0.0


@dataclass
class Pipeline:
    """Everything between the socket and the methods. Thread-safe.

    `clock` gives epoch seconds. `holder_of` knows the tokens that the sign-in has issued.
    """

    store: Store
    apis: Mapping[str, Api]
    settings: Settings
    clock: Callable[[], float] = time.time
    faults: FaultTable = field(default_factory=FaultTable)
    quotas: Quotas = field(default_factory=Quotas)
    log: RequestLog = field(default_factory=RequestLog)
    closing: Event = field(default_factory=Event)
    holder_of: Callable[[str], Holder | None] = lambda _token: None

    def answer(self, request: WireRequest) -> WireAnswer:
        """The answer to any request at a path of Google's."""
        request = _overridden(request)
        match = find_method(request.verb, request.path)
        if match is None:
            return _refused(no_such_method(), service_of(request.path))
        account = self._account(request)
        try:
            with self.quotas.in_flight(match.method, account, self.settings):
                answer = self._with_fault(
                    request, match, self.faults.take(match.method.id, request.body)
                )
        except GoogleError as error:
            answer = _refused(error, match.method.service)
        status = answer.sever or str(answer.status)
        self.log.add(match.method.id, status, account)
        _LOG.info("%s %s", match.method.id, status)
        return answer

    def _with_fault(self, request: WireRequest, match: Match, fault: Fault | None) -> WireAnswer:
        delay = self.settings.latency_seconds
        if fault and fault.kind == "slow":
            delay += fault.seconds
        if delay:
            self.closing.wait(delay)
        if fault is None:
            return self._worked(request, match)
        if error := refusal(fault, match.method.service, self.clock()):
            return _refused(error, match.method.service)
        if fault.kind == "redirect_307":
            return WireAnswer(307, {"Location": request.base_url + request.target}, b"")
        if fault.kind in BEFORE_BY_CONNECTION:
            return _severed(_EMPTY, BEFORE_BY_CONNECTION[fault.kind], fault)
        worked = self._worked(request, match, undone=fault.kind == FALSE_404)
        return _spoiled(worked, match.method, fault)

    def _worked(self, request: WireRequest, match: Match, *, undone: bool = False) -> WireAnswer:
        try:
            mask, answer = self._work(request, match, undone=undone)
            return self._checked(match.method, answer, mask, request)
        except GoogleError as error:
            return _refused(error, match.method.service)

    def _work(self, request: WireRequest, match: Match, *, undone: bool) -> tuple[Mask, Answer]:
        method, settings = match.method, self.settings
        caller = caller_of(request.authorization, settings, method.service, self.holder_of)
        check_scopes(caller, method)
        api = self.apis[method.service]
        handler = api.handlers.get(method.id)
        if handler is None:
            raise not_rehearsed(method.id)
        self.quotas.charge(method, caller.account, settings, self.clock())
        check_query(method, request.query, match.path)
        mask = _mask(method, request.query.get("fields", [""])[-1])
        body, media = read_payload(
            match,
            request.content_type,
            request.body,
            request.query.get("uploadType", [""])[-1],
        )
        with self.store.transaction() as db:
            call = Call(
                db=db,
                method=method,
                caller=caller,
                path=match.path,
                query=request.query,
                body=body,
                mask=mask,
                now=self.clock(),
                base_url=request.base_url,
                settings=settings,
                media=media,
            )
            answer = handler(call)
            if undone:  # raised inside the transaction, which rolls the work back
                raise not_found()
        default = api.default_fields.get(method.id, "")
        return mask or (parse_mask(default) if default else {}), answer

    def _account(self, request: WireRequest) -> str:
        try:
            return caller_of(request.authorization, self.settings, "", self.holder_of).account
        except GoogleError:
            return ""

    def _checked(
        self, method: Method, answer: Answer, mask: Mask, request: WireRequest
    ) -> WireAnswer:
        if answer is None:
            return WireAnswer(204, {}, b"")
        if isinstance(answer, Media):
            return WireAnswer(200, {"Content-Type": answer.content_type}, answer.content)
        if request.query.get("alt", ["json"])[-1] != "json":
            raise not_rehearsed("Any other answer than JSON")
        fault = answer_fault(schemas(method.service), method.response, answer)
        if fault:
            sentence = f"Defect of the rehearsal Google: {method.id} answers a wrong {fault}"
            _LOG.error(sentence)
            self.log.add_defect(sentence)
            raise internal(sentence)
        pretty = request.query.get("prettyPrint", ["false"])[-1] == "true"
        shown = apply_mask(mask, answer)
        text = json.dumps(shown, ensure_ascii=False, indent=2 if pretty else None)
        return WireAnswer(200, {"Content-Type": _JSON}, text.encode())


_EMPTY = WireAnswer(200, {}, b"")


def _overridden(request: WireRequest) -> WireRequest:
    # googleapiclient sends a GET with a long address as a POST with the query as its form.
    verb = request.verb_override.upper()
    if not verb or request.verb != "POST":
        return request
    if "application/x-www-form-urlencoded" not in request.content_type:
        return replace(request, verb=verb)
    form = parse_qs(request.body.decode("utf-8", "replace"), keep_blank_values=True)
    return replace(request, verb=verb, query={**request.query, **form}, body=b"", content_type="")


def _mask(method: Method, text: str) -> Mask:
    if not text:
        return {}
    try:
        mask = parse_mask(text)
        if method.response:
            check_mask(mask, schemas(method.service), method.response)
    except BadMask as error:
        raise _bad_mask(method, error) from error
    # `*` means everything, as an empty mask does elsewhere.
    return mask


def _bad_mask(method: Method, error: BadMask) -> GoogleError:
    if method.service == "drive":
        return invalid_parameter(
            "fields", f"Invalid field selection {error.name}", "invalidParameter"
        )
    return invalid_argument(
        "Request contains an invalid argument.",
        (
            error.path,
            "Error expanding 'fields' parameter. Cannot find matching fields for path "
            f"'{error.path}'.",
        ),
    )


def _refused(error: GoogleError, service: str) -> WireAnswer:
    body = json.dumps(error.body(service), ensure_ascii=False, indent=1)
    return WireAnswer(error.code, {"Content-Type": _JSON, **error.headers}, body.encode())


def _spoiled(answer: WireAnswer, method: Method, fault: Fault) -> WireAnswer:
    # Refused work is answered as it is: there is nothing to lose on the way back.
    if answer.status >= 400:
        return answer
    if fault.kind in AFTER_REFUSALS:
        return _refused(AFTER_REFUSALS[fault.kind](), method.service)
    if fault.kind in AFTER_BY_CONNECTION:
        return _severed(answer, AFTER_BY_CONNECTION[fault.kind], fault)
    return answer


def _severed(answer: WireAnswer, how: str, fault: Fault) -> WireAnswer:
    return replace(answer, sever=how, hang_seconds=fault.seconds if how == "hang" else 0.0)


def as_json(value: Any, status: int = 200) -> WireAnswer:
    """An answer of the rehearsal's own pages for drills."""
    return WireAnswer(status, {"Content-Type": _JSON}, json.dumps(value, indent=1).encode())
