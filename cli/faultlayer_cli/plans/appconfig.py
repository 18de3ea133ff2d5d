"""A live plan in AppConfig: a hosted freeform profile, and its deployment to an environment.

A plan is deployed to all readers at once. A deployment of another profile is never stopped. One of
this profile is stopped if a plan that disarms has to get through.
https://docs.aws.amazon.com/appconfig/2019-10-09/APIReference/API_StartDeployment.html
https://docs.aws.amazon.com/appconfig/2019-10-09/APIReference/API_StopDeployment.html
"""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any

from faultlayer.jsontext import decoded
from faultlayer_cli.aws.account import Account, Function, Refused, Unknown
from faultlayer_cli.errors import Mistake
from faultlayer_cli.plans.place import Found, Place, named

_STRATEGY = "AppConfig.AllAtOnce"  # one of AWS's own; it watches alarms for ten minutes (BAKING)
_FLAGS = "AWS.AppConfig.FeatureFlags"
_HOSTED = "hosted"
_DEPLOYED = ("BAKING", "COMPLETE")  # to all that read it
_IN_PROGRESS = ("VALIDATING", "DEPLOYING", "BAKING", "ROLLING_BACK")
_IN_FORCE = ("VALIDATING", "DEPLOYING", "BAKING", "COMPLETE")
_POLLS = (0.2, 0.5, 1.0)  # seconds between two looks, the last one repeated
_WAIT = 60.0


@dataclass(frozen=True)
class _Ids:
    """AWS's descriptions of the application, the environment and the profile of a place."""

    application: Mapping[str, Any]
    environment: Mapping[str, Any]
    profile: Mapping[str, Any]

    def mean(self, parts: list[str]) -> bool:
        """True if these ids or names mean the same three parts."""
        told = (self.application, self.environment, self.profile)
        return len(parts) == 3 and all(
            part in (one["Id"], one.get("Name")) for part, one in zip(parts, told, strict=True)
        )


class Profile:
    """A store: a configuration profile, as it is deployed to one environment."""

    delay = "FAULTLAYER_POLL (10s) and the AppConfig agent's own interval (45 s), unless set"

    def __init__(self, account: Account, place: Place, pause: Callable[[float], object]) -> None:
        self._account = account
        self.place = place
        self._pause = pause

    # what is there

    @functools.cached_property
    def _ids(self) -> _Ids:
        application, environment, profile = self.place.name.split("/")
        within = self._one("application", application, "list_applications")
        here = {"ApplicationId": within["Id"]}
        return _Ids(
            within,
            self._one("environment", environment, "list_environments", **here),
            self._one("profile", profile, "list_configuration_profiles", **here),
        )

    def _one(self, kind: str, wanted: str, operation: str, **within: str) -> Mapping[str, Any]:
        found = [
            item
            for page in self._account.pages("appconfig", operation, **within)
            for item in page["Items"]
            if wanted in (item["Id"], item.get("Name"))
        ]
        if not found:
            raise Unknown(f"AppConfig's {kind} {wanted} does not exist in {self._account.region}")
        if len(found) > 1:
            raise Mistake(f"AppConfig has several of the {kind} {wanted}; allowed: its id")
        (one,) = found
        return dict(one)

    @property
    def _flags(self) -> bool:
        return self._ids.profile.get("Type") == _FLAGS

    def read(self) -> Found:
        under_way = None
        for one in self._deployments():
            under_way = under_way or (one if one["State"] in _IN_PROGRESS else None)
            if self._ours(one) and one["State"] in _IN_FORCE:
                note = _said(under_way) if under_way else ""
                return Found(self._content(one["ConfigurationVersion"]), note)
        return Found(None, "nothing is deployed there")

    def _content(self, version: str) -> str:
        self._writable(flags=True)
        try:
            told = self._profile_call(
                "get_hosted_configuration_version", VersionNumber=int(version)
            )
            text = decoded(told["Content"].read())
        except Unknown:
            raise Refused(
                f"version {version} of {self.place} is deployed, but was deleted"
            ) from None
        except ValueError as error:
            raise Refused(f"version {version} of {self.place} {error}") from None
        return _handed_out(text) if self._flags else text

    def _deployments(self) -> Iterator[Mapping[str, Any]]:
        """The deployments to the environment, the last one first."""
        for page in self._account.pages("appconfig", "list_deployments", **self._where):
            yield from page["Items"]

    def _ours(self, deployment: Mapping[str, Any]) -> bool:
        profile = self._ids.profile
        if "ConfigurationProfileId" in deployment:
            return bool(deployment["ConfigurationProfileId"] == profile["Id"])
        return bool(deployment.get("ConfigurationName") == profile.get("Name"))

    def read_by(self, function: Function) -> bool:
        place = named(function)
        return (
            place is not None
            and place.kind == self.place.kind
            and self._ids.mean(place.name.split("/"))
        )

    # what is to be there

    def _writable(self, *, flags: bool = False) -> None:
        location = self._ids.profile.get("LocationUri", _HOSTED)
        if location != _HOSTED:
            raise Mistake(f"{self.place} holds no plan itself: it names {location}; allowed: that")
        if self._flags and not flags:
            raise Mistake(
                f"{self.place} is a profile of feature flags, which are turned on and off in "
                "AppConfig; allowed: a freeform profile"
            )

    def check(self, text: str, *, advanced: bool) -> None:
        if advanced:
            raise Mistake("--advanced is for parameters; allowed: with --ssm")
        self._writable()
        if under_way := self._under_way():
            raise Refused(
                f"{_said(under_way)} in the environment of {self.place}, and AppConfig has one at "
                "a time; nothing was written; try again when it is complete"
            )

    def write(self, text: str, *, advanced: bool = False, urgent: bool = False) -> None:
        self._writable()
        made = self._profile_call(
            "create_hosted_configuration_version",
            Content=text.encode(),
            ContentType="application/json",
            Description="faultlayer",
        )
        self._reached(self._started(str(made["VersionNumber"]), urgent))

    def _started(self, version: str, urgent: bool) -> int:
        """Start the deployment of a version; its number."""
        for last in self._looks():
            try:
                return int(self._start(version)["DeploymentNumber"])
            except Refused as refused:
                if refused.reason != "ConflictException":
                    raise
                conflict = refused
            under_way = self._under_way()
            if under_way is None:
                if last:
                    raise conflict
                continue
            number = int(under_way["DeploymentNumber"])
            ours = self._ours(under_way)
            if ours and under_way.get("ConfigurationVersion") == version:
                return number  # it was started, though the answer was lost
            if last or not urgent:
                raise Refused(f"{_said(under_way)}, and AppConfig has one at a time")
            if ours and under_way["State"] != "ROLLING_BACK":
                self._stop(number, under_way["State"])
        raise AssertionError("the last look ends it")

    def _start(self, version: str) -> Any:
        return self._account.call(
            "appconfig",
            "start_deployment",
            ConfigurationProfileId=self._ids.profile["Id"],
            ConfigurationVersion=version,
            DeploymentStrategyId=_STRATEGY,
            Description="faultlayer",
            **self._where,
        )

    def _stop(self, number: int, state: str) -> None:
        # Without AllowRevert only what is DEPLOYING can be stopped.
        revert = {} if state == "DEPLOYING" else {"AllowRevert": True}
        try:
            self._account.call(
                "appconfig", "stop_deployment", DeploymentNumber=number, **self._where, **revert
            )
        except Refused as refused:
            if refused.reason != "BadRequestException":  # it has ended in between
                raise

    def _reached(self, number: int) -> None:
        """Wait until the deployment has reached all readers. Raises Refused if it does not."""
        for last in self._looks():
            told = self._account.call(
                "appconfig", "get_deployment", DeploymentNumber=number, **self._where
            )
            if told["State"] in _DEPLOYED:
                return
            if told["State"] not in _IN_FORCE:
                why = [event.get("Description") or "" for event in told.get("EventLog") or ()]
                raise Refused(f"{_said(told)}: AppConfig took it back" + f": {why[0]}" * bool(why))
            if last:
                raise Refused(f"{_said(told)}, still after {_WAIT:g} s")

    def _under_way(self) -> Mapping[str, Any] | None:
        newest = next(self._deployments(), None)
        return newest if newest and newest["State"] in _IN_PROGRESS else None

    def _looks(self) -> Iterator[bool]:
        """Yield at each time to look again, for as long as we wait; True with the last one."""
        end = time.monotonic() + _WAIT
        for seconds in chain(_POLLS, repeat(_POLLS[-1])):
            last = time.monotonic() >= end
            yield last
            if last:
                return
            self._pause(seconds)

    @property
    def _where(self) -> dict[str, str]:
        ids = self._ids
        return {"ApplicationId": ids.application["Id"], "EnvironmentId": ids.environment["Id"]}

    def _profile_call(self, operation: str, **arguments: Any) -> Any:
        return self._account.call(
            "appconfig",
            operation,
            ApplicationId=self._ids.application["Id"],
            ConfigurationProfileId=self._ids.profile["Id"],
            **arguments,
        )


def _said(deployment: Mapping[str, Any]) -> str:
    name = deployment.get("ConfigurationName") or deployment.get("ConfigurationProfileId")
    return f"deployment {deployment['DeploymentNumber']} (of {name}) is {deployment['State']}"


def _handed_out(text: str) -> str:
    """Feature flags as the agent serves them, from the form in which they are stored."""
    try:
        return json.dumps(json.loads(text).get("values", {}))
    except (ValueError, AttributeError):
        return text
