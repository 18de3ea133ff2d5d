"""ARNs of layers: which are faultlayer's."""

from __future__ import annotations

import pytest

from faultlayer_cli.aws.arn import architecture_of, is_ours

LAYER = "arn:aws:lambda:eu-west-1:123456789012:layer:"


@pytest.mark.parametrize(
    ("arn", "architecture"),
    [
        (LAYER + "faultlayer-x86_64:1", "x86_64"),
        (LAYER + "faultlayer-arm64:12", "arm64"),
        (LAYER + "faultlayer-team_a-arm64:3", "arm64"),
        (LAYER + "faultlayer:1", ""),
        (LAYER + "faultlayer-x86_64", ""),
        (LAYER + "my-faultlayer-x86_64:1", ""),
        (LAYER + "other-x86_64:1", ""),
        ("", ""),
    ],
)
def test_whose_layer_it_is_and_for_which_machine(arn: str, architecture: str) -> None:
    assert architecture_of(arn) == architecture
    assert is_ours(arn) is bool(architecture)
