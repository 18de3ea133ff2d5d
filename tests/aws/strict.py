"""AWS's manners where moto is milder: an HTTP front before moto, which tests control.

It adds what the Lambda API documents and moto leaves out: RevisionId and its check, functions that
are Pending or being updated, the limits on variables and layers, answers in pages, lists without
states, the account's regions. On request it refuses, throttles, loses an answer, or lets someone
act just before a call. It records every call as the IAM action that it needs. All else passes to
moto and back unchanged.
https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionConfiguration.html
https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
"""

from __future__ import annotations

import http.client
import json
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from aws_wire import Answer, Call, Request, call, error
from strict_stores import Stores

UPDATE = "lambda:UpdateFunctionConfiguration"
READ = "lambda:GetFunctionConfiguration"
_STATES = ("State", "LastUpdateStatus")  # and what begins so; lists do not tell it
_HOP = {"connection", "content-length", "transfer-encoding", "keep-alive", "date", "server"}
_ENDLESS = 1 << 30


@dataclass
class Known:
    """What the front knows of one function beside what moto does."""

    revision: str = field(default_factory=lambda: str(uuid.uuid4()))
    pending: int = 0  # so many reads more find it Pending
    updating: int = 0  # so many reads more find an update in progress
    hidden: bool = False  # its variables cannot be decrypted
    told: dict[str, str] = field(default_factory=dict)  # said of it whatever is true
    ends: str = ""  # why its next update will fail after all


@dataclass
class Rule:
    """What happens to the next calls of an action: of one function or layer, or of all ("")."""

    action: str
    subject: str
    times: int
    act: Any
    region: str = ""  # empty: in all of them

    def fits(self, made: Call) -> bool:
        here = self.subject in ("", made.subject) and self.region in ("", made.region)
        return self.times > 0 and self.action == made.action and here


class Front:
    """The front's address is `url`; all else is for the tests."""

    def __init__(self, host: str, port: int) -> None:
        self._upstream = (host, port)
        self._changing = threading.RLock()  # updates come one after the other
        self._lock = threading.Lock()
        self.reset()
        front = self

        class Handler(_Handler):
            answer = staticmethod(lambda request: front._answer(request))

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def reset(self) -> None:
        self.calls: list[Call] = []
        self.stores = Stores()
        self.page = 50  # functions or layer versions in one answer
        self.update_takes = 0  # reads that find an update still in progress
        self.regions = {"eu-west-1": "ENABLED_BY_DEFAULT"}  # of the account, with their status
        self._functions: dict[tuple[str, str], Known] = {}
        self._refusals: list[Rule] = []
        self._hooks: list[Rule] = []
        self._losses: list[Rule] = []

    # what tests arrange

    def known(self, name: str, region: str = "eu-west-1") -> Known:
        """What the front tells of this function, to be changed at will."""
        with self._lock:
            return self._functions.setdefault((region, name), Known())

    def pending(self, name: str, reads: int) -> None:
        """It is being created: so many reads find it so, and updates are refused (409)."""
        self.known(name).pending = reads

    def busy(self, name: str, reads: int) -> None:
        """An update is in progress: so many reads find it so, and updates are refused (409)."""
        self.known(name).updating = reads

    def hide_variables(self, name: str) -> None:
        """Its variables are encrypted with a key that the caller may not use.

        `orders` is the unpublished version, `orders:3` a published one.
        """
        self.known(name).hidden = True

    def fail_update(self, name: str, reason: str) -> None:
        """Its next update is accepted, and fails later."""
        self.known(name).ends = reason

    def refuse(
        self,
        action: str,
        status: int,
        code: str,
        message: str,
        times: int,
        subject: str = "",
        region: str = "",
    ) -> None:
        """The next so many calls are answered with this error, and do nothing."""
        self._refusals.append(Rule(action, subject, times, (status, code, message), region))

    def deny(self, action: str, subject: str = "", region: str = "") -> None:
        """The caller has no permission for this."""
        form = action.startswith(("cloudformation:", "iam:", "sts:"))
        code = "AccessDenied" if form else "AccessDeniedException"
        if action.startswith("ec2:"):
            code = "UnauthorizedOperation"
        message = (
            f"User: arn:aws:iam::123456789012:user/tester is not authorized to perform: {action} "
            f"because no identity-based policy allows the {action} action"
        )
        self.refuse(action, 403, code, message, _ENDLESS, subject, region)

    def allow(self, action: str) -> None:
        """No call of this is refused any more."""
        self._refusals = [rule for rule in self._refusals if rule.action != action]

    def throttle(self, action: str, times: int, subject: str = "") -> None:
        status, code = 429, "TooManyRequestsException"
        if not action.startswith("lambda:"):
            status, code = 400, "ThrottlingException"
        self.refuse(action, status, code, "Rate exceeded", times, subject)

    def lose_answer(self, action: str, times: int = 1, subject: str = "") -> None:
        """The next so many calls are carried out, and the connection closed without an answer."""
        self._losses.append(Rule(action, subject, times, None))

    def before(self, action: str, act: Callable[[], object], subject: str = "") -> None:
        """Just before the next such call is looked at, someone does this (once)."""
        self._hooks.append(Rule(action, subject, 1, act))

    @contextmanager
    def recorded(self) -> Iterator[list[Call]]:
        """The calls that are made meanwhile."""
        start, made = len(self.calls), []  # type: int, list[Call]
        try:
            yield made
        finally:
            made += self.calls[start:]

    # what happens to a call

    def _due(self, rules: list[Rule], made: Call) -> Rule | None:
        with self._lock:
            rule = next((rule for rule in rules if rule.fits(made)), None)
            if rule:
                rule.times -= 1
            return rule

    def _answer(self, request: Request) -> Answer | None:
        """The answer; None closes the connection."""
        made = call(request)
        with self._lock:
            self.calls.append(made)
        if rule := self._due(self._refusals, made):
            return error(request, *rule.act)
        if rule := self._due(self._hooks, made):
            rule.act()
        answer = self._carried_out(request, made)
        return None if self._due(self._losses, made) else answer

    def _carried_out(self, request: Request, made: Call) -> Answer:
        if made.action.startswith("appconfig:"):
            with self._changing:
                return self.stores.appconfig(request, made, self._forward)
        if made.action == "ssm:PutParameter":
            with self._changing:
                return self.stores.put_parameter(request, made, self._forward)
        if made.action == "account:ListRegions":
            return self._list_regions(request)
        operation = made.action.partition(":")[2] if made.action.startswith("lambda:") else ""
        if operation in ("UpdateFunctionConfiguration", "UpdateFunctionCode"):
            with self._changing:
                return self._update(request, made)
        if operation in ("ListVersionsByFunction", "ListAliases"):
            return self._listed(request, made, operation)
        refusal = _over_limits(request) if operation == "CreateFunction" else None
        answer = refusal or self._forward(request)
        if answer.status >= 300:
            return answer
        if operation in ("GetFunctionConfiguration", "CreateFunction", "PublishVersion"):
            return _changed(answer, lambda told: self._configuration(told, made))
        if operation == "GetFunction":
            return _changed(
                answer,
                lambda told: (
                    told | {"Configuration": self._configuration(told["Configuration"], made)}
                ),
            )
        if operation == "ListFunctions":
            return _changed(answer, lambda told: self._functions_page(told, request, made))
        if operation == "ListLayerVersions":
            return _changed(answer, lambda told: self._layers_page(told, request))
        return answer

    def _update(self, request: Request, made: Call) -> Answer:
        known = self.known(made.subject, made.region)
        if known.pending or known.updating:
            state = "state: Pending" if known.pending else "update in progress"
            return error(
                request,
                409,
                "ResourceConflictException",
                f"The operation cannot be performed at this time. {state} for {made.subject}",
            )
        if json.loads(request.body).get("RevisionId", known.revision) != known.revision:
            return error(
                request,
                412,
                "PreconditionFailedException",
                "The Revision Id provided does not match the latest Revision Id. Call the "
                "GetFunction/GetAlias API to retrieve the latest Revision Id",
            )
        answer = _over_limits(request) or self._forward(request)
        if answer.status >= 300:
            return answer
        known.revision = str(uuid.uuid4())
        known.updating = self.update_takes
        known.told.pop("LastUpdateStatus", None)
        if known.ends:
            known.told["LastUpdateStatus"] = "Failed"
            known.told["LastUpdateStatusReason"], known.ends = known.ends, ""
        return _changed(
            answer,
            lambda told: told | {"RevisionId": known.revision, "LastUpdateStatus": "InProgress"},
        )

    def _configuration(self, told: dict[str, Any], made: Call) -> dict[str, Any]:
        """A function's configuration as one read finds it."""
        with self._lock:
            known = self._functions.setdefault((made.region, made.subject), Known())
            told = _plus(told, known) | known.told
            if known.pending:
                known.pending -= 1
                told |= {"State": "Pending", "StateReason": "The function is being created."}
            if known.updating:
                known.updating -= 1
                told |= {"LastUpdateStatus": "InProgress"}
            return told

    def _functions_page(self, told: dict[str, Any], request: Request, made: Call) -> dict[str, Any]:
        return self._paged("Functions", self._in_a_list(told["Functions"], made.region), request)

    def _in_a_list(self, found: list[dict[str, Any]], region: str) -> list[dict[str, Any]]:
        """Configurations as lists tell them: each version with a revision of its own, no state."""
        listed = []
        for one in found:
            name, version = one["FunctionName"], one["Version"]
            published = "" if version == "$LATEST" else f":{version}"
            whole = _plus(one, self.known(name + published, region))
            listed.append({k: v for k, v in whole.items() if not k.startswith(_STATES)})
        return listed

    def _listed(self, request: Request, made: Call, operation: str) -> Answer:
        """A function's versions or aliases, in pages; moto takes its bare name, and any name."""
        base = "/2015-03-31/functions"
        there = self._forward(replace(request, target=f"{base}/{made.subject}"))
        if there.status >= 300:
            return there
        kind = "Versions" if operation == "ListVersionsByFunction" else "Aliases"
        answer = self._forward(replace(request, target=f"{base}/{made.subject}/{kind.lower()}"))
        found = json.loads(answer.body)[kind]
        if kind == "Versions":
            found = self._in_a_list(found, made.region)
        return _changed(answer, lambda told: self._paged(kind, found, request))

    def _list_regions(self, request: Request) -> Answer:
        """https://docs.aws.amazon.com/accounts/latest/reference/API_ListRegions.html"""
        wanted = json.loads(request.body or b"{}")
        kinds = wanted.get("RegionOptStatusContains")
        found = [
            {"RegionName": name, "RegionOptStatus": status}
            for name, status in sorted(self.regions.items())
            if not kinds or status in kinds
        ]
        start = int(wanted.get("NextToken") or 0)
        end = start + min(self.page, int(wanted.get("MaxResults") or 50))
        following = {"NextToken": str(end)} if end < len(found) else {}
        body = json.dumps({"Regions": found[start:end]} | following).encode()
        return Answer(200, (("Content-Type", "application/json"),), body)

    def _layers_page(self, told: dict[str, Any], request: Request) -> dict[str, Any]:
        for version in told["LayerVersions"]:
            version.pop("Content", None)
            version.pop("LayerArn", None)
        return self._paged("LayerVersions", told["LayerVersions"], request)

    def _paged(self, key: str, found: list[Any], request: Request) -> dict[str, Any]:
        query = parse_qs(urlsplit(request.target).query)
        start = int(query.get("Marker", ["0"])[0])
        end = start + min(self.page, int(query.get("MaxItems", ["50"])[0]))
        following = {"NextMarker": str(end)} if end < len(found) else {}
        return {key: found[start:end]} | following

    def _forward(self, request: Request) -> Answer:
        connection = http.client.HTTPConnection(*self._upstream, timeout=60)
        try:
            headers = {k: v for k, v in request.headers.items() if k not in _HOP}
            connection.request(request.method, request.target, request.body, headers)
            found = connection.getresponse()
            kept = tuple((k, v) for k, v in found.getheaders() if k.lower() not in _HOP)
            return Answer(found.status, kept, found.read())
        finally:
            connection.close()


def _plus(told: dict[str, Any], known: Known) -> dict[str, Any]:
    more: dict[str, Any] = {"RevisionId": known.revision}
    if known.hidden:
        why = "Lambda was unable to decrypt your environment variables: KMS access was denied."
        more["Environment"] = {"Error": {"ErrorCode": "AccessDeniedException", "Message": why}}
    return told | more


def _changed(answer: Answer, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Answer:
    body = json.dumps(change(json.loads(answer.body))).encode()
    return Answer(answer.status, answer.headers, body)


def _over_limits(request: Request) -> Answer | None:
    """The refusal of more variables or layers than Lambda takes."""
    wanted = json.loads(request.body)
    variables = (wanted.get("Environment") or {}).get("Variables") or {}
    measured = json.dumps(variables, separators=(",", ":"), ensure_ascii=False)
    if len(measured.encode()) > 4096:
        why = (
            "Lambda was unable to configure your environment variables because the environment "
            f"variables you have provided exceeded the 4KB limit. String measured: {measured}"
        )
        return error(request, 400, "InvalidParameterValueException", why)
    if len(wanted.get("Layers") or ()) > 5:
        why = "Cannot reference more than 5 layers."
        return error(request, 400, "InvalidParameterValueException", why)
    return None


class _Handler(BaseHTTPRequestHandler):
    """Requests in, answers out, each in one write."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    answer: Callable[[Request], Answer | None]

    def _serve(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", "0")))
        told = self.answer(Request(self.command, self.path, headers, body))
        if told is None:
            self.close_connection = True
            return
        self.send_response(told.status)
        for name, value in told.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(told.body)))
        self.end_headers()
        self.wfile.write(told.body)
        self.wfile.flush()

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = _serve

    def log_message(self, format: str, *args: object) -> None:
        pass
