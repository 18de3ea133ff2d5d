"""A live plan in a parameter of the Parameter Store.

https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
"""

from __future__ import annotations

from typing import Any

from faultlayer_cli.aws.account import Account, Function, Refused, Unknown
from faultlayer_cli.errors import Mistake
from faultlayer_cli.plans.place import SSM, Found, Place, named

STANDARD, ADVANCED = 4096, 8192  # characters that a parameter of each tier may have
_DOWNGRADE = "advanced-parameter tier"  # in AWS's message, if the parameter is of that tier


class Parameter:
    """A store: one parameter of the Parameter Store."""

    delay = "FAULTLAYER_POLL (10s) and SSM_PARAMETER_STORE_TTL (300 s), unless they are set"

    def __init__(self, account: Account, place: Place) -> None:
        self._account = account
        self.place = place
        self._there = True

    def read(self) -> Found:
        try:
            told = self._call("get_parameter", WithDecryption=True)
        except Unknown:
            self._there = False
            return Found(None)
        return Found(str(told["Parameter"]["Value"]))

    def check(self, text: str, *, advanced: bool) -> None:
        most = ADVANCED if advanced else STANDARD
        if len(text) > most:
            allowed = "--advanced, up to " if len(text) <= ADVANCED and not advanced else "up to "
            raise Mistake(
                f"the plan takes {len(text)} characters, more than the {most} of a parameter"
                f"{' of the advanced tier' * advanced}; allowed: {allowed}{ADVANCED}"
                + " (AWS charges for that tier)"
                * (not advanced)
            )

    def write(self, text: str, *, advanced: bool = False, urgent: bool = False) -> None:
        wanted: dict[str, Any] = {"Value": text, "Overwrite": True}
        if not (self._there or urgent):
            wanted["Type"] = "String"  # an existing parameter keeps its type
        if advanced:
            wanted["Tier"] = "Advanced"
        try:
            self._call("put_parameter", **wanted)
        except Refused as refused:
            if "downgrade" not in str(refused) or _DOWNGRADE not in str(refused):
                raise
            self._call("put_parameter", Tier="Advanced", **wanted)

    def read_by(self, function: Function) -> bool:
        return named(function) == self.place

    def _call(self, operation: str, **arguments: Any) -> Any:
        return self._account.call(SSM, operation, Name=self.place.name, **arguments)
