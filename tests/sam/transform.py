"""The SAM transform, as CloudFormation does it; run by the Python that has samtranslator.

Standard input: a packaged template. Standard output: CloudFormation's own, as JSON.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse


class _NoPolicies:
    """The template names none of AWS's managed policies by their short names."""

    def load(self) -> dict[str, str]:
        return {}


template: dict[str, Any] = yaml_parse(sys.stdin.read())
json.dump(transform(template, {}, _NoPolicies()), sys.stdout)
