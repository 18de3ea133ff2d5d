"""The examples of docs/web-adapter.md are what runs here."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml

from web_adapter.adapter import request
from web_adapter.conftest import Site

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "web-adapter.md").read_text()
FAULT = {"FAULTLAYER_STATUS": "503"}


def block(language: str, containing: str) -> str:
    """The page's code block in this language that contains this text."""
    blocks: list[str] = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return next(text for text in blocks if containing in text)


def variables(form: str) -> dict[str, str]:
    """The variables that the page sets in this form."""
    if form == "layer":
        template = yaml.safe_load(block("yaml", "Handler"))
        assert template["Handler"] == "run.sh"
        found: dict[str, str] = template["Environment"]["Variables"]
        return found
    (line,) = re.findall("^ENV (.*)$", block("dockerfile", "ENV"), re.MULTILINE)
    return dict(pair.split("=") for pair in line.split()) | FAULT


def test_the_pages_variables_send_the_adapter_to_us(site: Site) -> None:
    """But for the ports, which must be free here."""
    said = variables(site.form)
    assert said.pop("AWS_LWA_LAMBDA_RUNTIME_API_PROXY") == "127.0.0.1:9747"
    assert said.pop("AWS_LWA_PORT") == "7000"
    function = site.start(**said)
    assert json.loads(function.invoke(request()).body)["statusCode"] == 503
    (line,) = function.lines()
    assert (line["event"], line["fault"]) == ("fault_injected", "status")
