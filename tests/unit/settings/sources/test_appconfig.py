"""A plan behind the AWS AppConfig agent: how its place is spelled."""

from __future__ import annotations

import pytest

from faultlayer.settings.sources import find_source
from faultlayer.settings.sources.appconfig import AppConfig


def test_the_agent_is_asked_for_the_configuration_of_a_profile() -> None:
    source = find_source("appconfig:a b/e%2Ff/\u00e9", {})
    assert isinstance(source, AppConfig)
    assert source._port == 2772
    assert source._target == b"/applications/a%20b/environments/e%2Ff/configurations/%C3%A9"
    elsewhere = AppConfig("a/b/c", {"AWS_APPCONFIG_EXTENSION_HTTP_PORT": "4000"})
    assert elsewhere._port == 4000


@pytest.mark.parametrize("name", ["", "a", "a/b", "a/b/", "/b/c", "a/b/c/d", "a/b/" + "c" * 2048])
def test_what_names_no_profile_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not appconfig:application/environment/profile"):
        find_source(f"appconfig:{name}", {})
