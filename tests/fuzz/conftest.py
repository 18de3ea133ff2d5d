"""Makes `faultlayer` and the targets importable."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
for folder in (ROOT / "tests", ROOT / "extension"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
