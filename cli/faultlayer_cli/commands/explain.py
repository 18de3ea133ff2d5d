"""`faultlayer explain`: say which rules would hit one event, and why. Nothing is injected."""

from __future__ import annotations

import os
import re
from time import time
from typing import TYPE_CHECKING

import click

from faultlayer.values import instant
from faultlayer.vocabulary.registry import PREFIX
from faultlayer_cli.commands import fault_flags, output
from faultlayer_cli.commands.options import FaultCommand, account_options, examples, files
from faultlayer_cli.commands.output import Cell
from faultlayer_cli.errors import Failure, Mistake
from faultlayer_cli.input_files import read_event
from faultlayer_cli.plans import in_words
from faultlayer_cli.plans.doubts import never_holding
from faultlayer_cli.plans.explanation import HITS, MAY_HIT, invocation_of
from faultlayer_cli.plans.explanation import explain as explain_rules
from faultlayer_cli.plans.live_text import read_live_plan
from faultlayer_cli.plans.variables import END, PLAN, Variables
from faultlayer_cli.terminal import put, say

if TYPE_CHECKING:
    from faultlayer_cli.aws.account import Account

_REQUEST_ID = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"
_ARN = "arn:aws:lambda:us-east-1:123456789012:function:function"
_PLAIN = re.compile(r"[\x21-\x7e]{1,256}")
_STYLES = {HITS: "red", MAY_HIT: "yellow"}


@click.command(
    cls=FaultCommand,
    epilog=examples("faultlayer explain --event event.json --status 503 --match path=/orders"),
)
@click.option(
    "--event", metavar="FILE|-", required=True, help="the event, as JSON", shell_complete=files
)
@click.option("--request-id", metavar="ID", help="for the draws of a seed")
@click.option("--function-arn", metavar="ARN", default=_ARN, help="as it is invoked")
@click.option("--at", metavar="TIME", help="when, as in 2027-01-31T17:00:00Z [default: now]")
@account_options
def explain(
    event: str,
    request_id: str | None,
    function_arn: str,
    at: str | None,
    profile: str | None,
    region: str | None,
    json_: bool,
    **typed: str | None,
) -> int:
    """Say which faults would hit an event, and why.

    Nothing is injected. Faults are given as for `faultlayer local`: as flags, as --plan, or as
    variables that are set; --fault-event is the fault. A live plan (ssm:, appconfig:, file:) is
    read where it is. No other plan needs AWS.

    Exit code 0: all is known. 1: the live plan is not, and so nobody knows what hits.
    """
    own = {name: text for name, text in os.environ.items() if name.startswith(PREFIX)}
    flagged = {name.upper(): text for name, text in typed.items() if text is not None}
    variables = fault_flags.parse(own | flagged, frozenset(flagged), settings_of())
    if END in flagged and at is None:
        fault_flags.refuse_end_that_is_over(variables, frozenset(flagged))
    body = read_event(event, "--event")
    for flag, text in (
        ("--request-id", request_id or _REQUEST_ID),
        ("--function-arn", function_arn),
    ):
        if not _PLAIN.fullmatch(text):
            raise Mistake(
                f"{flag} is not plain text; allowed: letters, digits and signs, no blanks"
            )
    try:
        now = time() if at is None else instant.parse(at)
    except ValueError as error:
        raise Mistake(f"--at {error}; allowed: for example 2027-01-31T17:00:00Z") from None
    invocation = invocation_of(body, request_id or _REQUEST_ID, function_arn, now)
    unread = ""
    if variables.source and not variables.idle(now):
        variables, unread = _with_live_plan(variables, profile, region)
    doubts = never_holding(variables.configuration)
    warnings = fault_flags.warn(doubts, frozenset(flagged), settings_of())
    verdicts = explain_rules(
        variables.configuration,
        invocation,
        now,
        known_id=request_id is not None,
        unread=unread,
    )
    if json_:
        output.print_json({"rules": [vars(verdict) for verdict in verdicts], "warnings": warnings})
    elif not verdicts:
        observed = in_words.observed(variables)
        put("no fault is configured: nothing is injected" + (observed and f", and {observed}"))
    else:
        rows = [
            (
                v.rule,
                v.fault,
                Cell(v.verdict, _STYLES.get(v.verdict, "")),
                "; ".join(v.because),
            )
            for v in verdicts
        ]
        output.table(("rule", "fault", "verdict", "because"), rows)
    return 1 if unread else 0


def _with_live_plan(
    variables: Variables, profile: str | None, region: str | None
) -> tuple[Variables, str]:
    """The variables with the text of their live plan; if it is not known, the reason, too."""
    assert variables.source is not None
    try:
        text = read_live_plan(variables.source, lambda: _account(profile, region))
    except Failure as failure:
        reason = " ".join(str(failure).splitlines())
        say(f"{variables.source} cannot be read, so it is not known what hits: {reason}")
        return variables, reason
    read = Variables({**variables.texts, PLAN: text})
    for problem in read.problems:
        say(f"{variables.source}: {problem.variable} {problem.message}")
    if read.configuration.stopped:  # a function keeps the plan that it had
        return variables, f"{variables.source} contradicts the variables"
    return read, ""


def _account(profile: str | None, region: str | None) -> Account:
    from faultlayer_cli.aws.account import open_account  # boto3, which no other plan needs

    account = open_account(profile, region)
    say(f"in {account.place}")
    return account


class ExplainSetting(fault_flags.Setting):
    """A variable as explain's flag, which must not be one of explain's own."""

    @property
    def flag(self) -> str:
        flag = super().flag
        return flag.replace("--", "--fault-", 1) if flag in _OWN else flag


def settings_of() -> list[fault_flags.Setting]:
    """The variables that explain takes."""
    return [
        ExplainSetting(s.variable, s.option, s.heading, s.about) for s in fault_flags.settings()
    ]


_OWN = frozenset(opt for parameter in explain.params for opt in parameter.opts)
for _setting in settings_of():
    explain.params.append(_setting.as_click())
