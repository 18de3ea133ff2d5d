"""Feature flags of an AppConfig profile: a plan in another shape."""

from __future__ import annotations

import pytest

from faultlayer.settings.configuration import Configuration
from faultlayer.settings.draft import Plan
from faultlayer.settings.plan import read
from unit.settings.config_read import settings_of

LATE = {"enabled": True, "delay": "1s"}


def drafted(found: Plan) -> list[str]:
    return [fault.name for fault, values in found.drafts if values is not None]


def test_a_flag_is_a_rule_of_the_fault_that_it_names() -> None:
    flags = {
        "latency": {**LATE, "rate": "20%", "match": "a=b", "max": 3, "_variant": "x"},
        "down": {"enabled": True, "fault": "status", "code": 503},
        "off": {"enabled": False},
        "also-off": {"enabled": False, "fault": "nonsense"},
    }
    found = read(flags)
    assert not found.problems
    assert drafted(found) == ["latency", "status"]
    values = found.drafts[0][1]
    assert values is not None
    assert (values["rate"], values["max"], values["delay"]) == (0.2, 3, (1.0, 1.0))
    assert values["match"].show() == '{"a":{"equals":"b"}}'


def test_the_flag_for_all_rules() -> None:
    flags = {"latency": LATE, "faultlayer": {"enabled": True, "seed": 7, "dry_run": True}}
    found = read(flags)
    assert settings_of(found) == {"SEED": "7", "DRY_RUN": True}
    assert not found.problems
    found = read({**flags, "faultlayer": {"enabled": False}})
    assert settings_of(found) == {"DISABLED": True}
    assert Configuration().chooser_for(found) is None


@pytest.mark.parametrize(
    ("flags", "field", "limiting"),
    [
        ({"latency": {"enabled": "yes"}}, "latency.enabled", False),
        ({"latency": {"enabled": None, "delay": "1s"}}, "latency.enabled", False),
        ({"latency": {**LATE, "rate": 2}}, "latency.rate", False),
        ({"latency": {**LATE, "wehn": "after"}}, "latency.wehn", False),
        ({"slow": {"enabled": True, "fault": "latenci"}}, "slow.fault", False),
        ({"slow": {"enabled": True, "fault": "latency"}}, "slow.delay", False),
        ({"new-ui": {"enabled": True}}, "new-ui", False),
        ({"faultlayer": {"enabled": 1}}, "faultlayer.enabled", True),
        ({"faultlayer": {"enabled": True, "sead": 1}}, "faultlayer.sead", True),
        ({"faultlayer": {"enabled": True, "rate": "often"}}, "rate", True),
        ('{"latency":{"enabled":true,"delay":1,"delay":2}}', "latency.delay", False),
        ('{"latency":{"enabled":true,"delay":1},"latency":{"enabled":false}}', "latency", True),
        ({str(number): LATE for number in range(257)}, "", True),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_wrong_with_a_flag(flags: object, field: str, limiting: bool) -> None:
    import json

    found = read(flags if isinstance(flags, str) else json.dumps(flags))
    (problem,) = found.problems
    assert (problem.field, problem.limiting) == (field, limiting)
    assert not drafted(found)


@pytest.mark.parametrize(
    "document",
    [{"match": {"enabled": True}}, {"faults": {"enabled": True}}, {"a": {"enabled": True}, "b": 1}],
)
def test_what_is_no_profile_of_flags(document: dict[str, object]) -> None:
    for problem in read(document).problems:
        assert problem.limiting
