"""The extension's service models are made from the pinned botocore."""

from __future__ import annotations

from pathlib import Path

import pytest
from botocore.loaders import Loader

from layer.aws_models import Hosts, all_models, compact, text, variable_name

FOLDER = Path(__file__).resolve().parents[2] / "extension" / "faultlayer" / "aws_api" / "services"
STALE = "run `python -m layer.aws_models extension/faultlayer/aws_api/services` and commit"


@pytest.mark.parametrize("name", ["dynamodb", "s3", "sqs", "sts", "lambda"])
def test_a_model_is_that_of_botocore(name: str) -> None:
    loader = Loader()
    model = compact(loader.load_service_model(name, "service-2"))
    assert model is not None
    model.update(Hosts(loader).of(name))
    file = FOLDER / f"{variable_name(model['id'])}.json"
    assert file.read_text(encoding="utf-8") == text(model), STALE


@pytest.mark.nightly
def test_all_models_are_those_of_botocore() -> None:
    made = {f"{name}.json": text(model) for name, model in all_models().items()}
    assert {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()} == made, STALE
