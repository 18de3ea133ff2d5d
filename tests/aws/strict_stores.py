"""AppConfig and the Parameter Store where moto is milder or has nothing: the front's second part.

Of AppConfig moto has applications, profiles and hosted versions. Environments, deployments, their
states and ListApplications are here, as AWS documents them: one deployment at a time in an
environment, BAKING after the last target, StopDeployment by state. Of parameters: the tiers'
sizes, no new parameter without a type, no other type or smaller tier later.
https://docs.aws.amazon.com/appconfig/2019-10-09/APIReference/API_Operations.html
https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

from aws_wire import Answer, Call, Request, error

Forward = Callable[[Request], Answer]
IN_PROGRESS = ("VALIDATING", "DEPLOYING", "BAKING", "ROLLING_BACK")
_JSON = (("Content-Type", "application/json"),)


@dataclass
class Deployment:
    """One deployment; `path` is the states that further looks at it find, the last one stays."""

    profile: str
    version: str
    name: str
    path: list[str]

    @property
    def state(self) -> str:
        return self.path[0]

    def look(self) -> str:
        return self.path.pop(0) if len(self.path) > 1 else self.path[0]


@dataclass
class Stores:
    """What moto does not know, and what tests arrange: how deployments go on from here."""

    path: list[str] = field(default_factory=lambda: ["DEPLOYING", "BAKING"])  # of a new one
    why: str = "an alarm"  # a deployment that is rolled back was
    page: int = 50
    applications: dict[str, dict[str, Any]] = field(default_factory=dict)
    environments: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    deployments: dict[str, list[Deployment]] = field(default_factory=dict)  # by environment
    parameters: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)

    def complete(self) -> None:
        """Ten minutes later."""
        for found in self.deployments.values():
            for one in found:
                one.path = ["COMPLETE" if one.path[-1] == "BAKING" else one.path[-1]]

    # AppConfig

    def appconfig(self, request: Request, made: Call, forward: Forward) -> Answer:
        own = getattr(self, "_" + made.action.partition(":")[2], None)
        if own is None:
            return forward(request)
        parts = urlsplit(request.target).path.strip("/").split("/")
        if parts[1:2] and parts[1] not in self.applications:
            return error(request, 404, "ResourceNotFoundException", "Application not found")
        if parts[3:4] and parts[3] not in (e["Id"] for e in self.environments[parts[1]]):
            return error(request, 404, "ResourceNotFoundException", "Environment not found")
        answer: Answer = own(request, parts, forward)
        return answer

    def _CreateApplication(self, request: Request, parts: list[str], forward: Forward) -> Answer:
        answer = forward(request)
        told = json.loads(answer.body)
        self.applications[told["Id"]] = told
        self.environments[told["Id"]] = []
        return answer

    def _ListApplications(self, request: Request, parts: list[str], forward: Forward) -> Answer:
        return self._paged(request, list(self.applications.values()))

    def _CreateEnvironment(self, request: Request, parts: list[str], forward: Forward) -> Answer:
        name = json.loads(request.body)["Name"]
        here = self.environments[parts[1]]
        number = sum(map(len, self.environments.values()))
        made = {"ApplicationId": parts[1], "Id": f"env{number:04}", "Name": name}
        here.append(made | {"State": "READY_FOR_DEPLOYMENT"})
        self.deployments[made["Id"]] = []
        return _answer(201, made)

    def _ListEnvironments(self, request: Request, parts: list[str], forward: Forward) -> Answer:
        return self._paged(request, self.environments[parts[1]])

    def _StartDeployment(self, request: Request, parts: list[str], forward: Forward) -> Answer:
        wanted = json.loads(request.body)
        here = self.deployments[parts[3]]
        if here and here[-1].state in IN_PROGRESS:
            why = f"Deployment number {len(here)} is in progress"
            return error(request, 409, "ConflictException", why)
        if wanted["DeploymentStrategyId"] != "AppConfig.AllAtOnce":
            return error(request, 404, "ResourceNotFoundException", "Strategy not found")
        where = f"/applications/{parts[1]}/configurationprofiles/{wanted['ConfigurationProfileId']}"
        version = f"{where}/hostedconfigurationversions/{wanted['ConfigurationVersion']}"
        if (
            found := forward(replace(request, method="GET", target=version, body=b""))
        ).status > 299:
            return found
        profile = json.loads(forward(replace(request, method="GET", target=where, body=b"")).body)
        one = Deployment(
            profile["Id"], wanted["ConfigurationVersion"], profile["Name"], [*self.path]
        )
        here.append(one)
        return _answer(201, self._told(parts, len(here)))

    def _GetDeployment(self, request: Request, parts: list[str], forward: Forward) -> Answer:
        self.deployments[parts[3]][int(parts[5]) - 1].look()
        return _answer(200, self._told(parts, int(parts[5])))

    def _ListDeployments(self, request: Request, parts: list[str], forward: Forward) -> Answer:
        here = self.deployments[parts[3]]
        for one in here:
            one.look()
        gone = ("ApplicationId", "EnvironmentId", "EventLog")
        found = [
            {key: value for key, value in self._told(parts, number).items() if key not in gone}
            for number in range(len(here), 0, -1)
        ]
        return self._paged(request, found)

    def _StopDeployment(self, request: Request, parts: list[str], forward: Forward) -> Answer:
        one = self.deployments[parts[3]][int(parts[5]) - 1]
        revert = request.headers.get("allow-revert") == "true"
        if one.state != "DEPLOYING" and not (revert and one.state in (*IN_PROGRESS, "COMPLETE")):
            why = f"Deployment is {one.state}, and cannot be stopped"
            return error(request, 400, "BadRequestException", why)
        one.path = ["REVERTED"] if one.state == "COMPLETE" else ["ROLLING_BACK", "ROLLED_BACK"]
        return _answer(202, self._told(parts, int(parts[5])))

    def _told(self, parts: list[str], number: int) -> dict[str, Any]:
        one = self.deployments[parts[3]][number - 1]
        return {
            "ApplicationId": parts[1],
            "EnvironmentId": parts[3],
            "ConfigurationProfileId": one.profile,
            "ConfigurationName": one.name,
            "ConfigurationVersion": one.version,
            "DeploymentNumber": number,
            "State": one.state,
            "EventLog": [{"Description": self.why}] if one.state == "ROLLED_BACK" else [],
        }

    def _paged(self, request: Request, found: list[Any]) -> Answer:
        query = parse_qs(urlsplit(request.target).query)
        start = int(query.get("next_token", ["0"])[0])
        end = start + self.page
        following = {"NextToken": str(end)} if end < len(found) else {}
        return _answer(200, {"Items": found[start:end], **following})

    # parameters

    def put_parameter(self, request: Request, made: Call, forward: Forward) -> Answer:
        wanted = json.loads(request.body)
        key = (made.region, wanted["Name"])
        kind, tier = self.parameters.get(key, ("", "Standard"))
        why, code = "", "ValidationException"
        if not kind and "Type" not in wanted:
            why = "A parameter type is required when you create a parameter."
        elif kind and wanted.get("Type", kind) != kind:
            code, why = "HierarchyTypeMismatchException", "The type of a parameter stays"
        elif tier == "Advanced" and wanted.get("Tier") == "Standard":
            why = (
                "This parameter uses the advanced-parameter tier. You can't downgrade a parameter "
                "from the advanced-parameter tier to the standard-parameter tier."
            )
        tier = wanted.get("Tier", tier)
        if len(wanted["Value"]) > (8192 if tier == "Advanced" else 4096):
            why = f"{tier} tier parameters do not support so many characters."
        if why:
            return error(request, 400, code, why)
        answer = forward(request)
        if answer.status < 300:
            self.parameters[key] = (wanted.get("Type", kind), tier)
        return answer


def _answer(status: int, told: dict[str, Any]) -> Answer:
    return Answer(status, _JSON, json.dumps(told).encode())
