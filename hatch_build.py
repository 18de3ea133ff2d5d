"""The files that a wheel and an sdist carry beside the tracked ones: the built layers.

In a wheel they lie in the command's package, beside the demo's example. In an sdist they lie in
dist/, where a build from that sdist finds them: a wheel needs neither Debian nor a network.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ARCHITECTURES = ("x86_64", "arm64")
LICENSES = "dist/x86_64/faultlayer/licenses"  # the same for both: of the packages in the layer
EXAMPLE = "examples/hello"
_DATA = "faultlayer_cli/data"


def carried(target: str) -> dict[str, str]:
    """Path in the checkout -> path in a wheel or an sdist."""
    zips = [f"dist/faultlayer-{architecture}.zip" for architecture in ARCHITECTURES]
    if target == "sdist":
        return {path: path for path in [*zips, LICENSES]}
    return {
        **{path: f"{_DATA}/layers/{Path(path).name}" for path in zips},
        LICENSES: f"{_DATA}/layers/licenses",
        EXAMPLE: f"{_DATA}/{EXAMPLE}",
    }


class BuiltLayers(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":  # uses the checkout's, which are built when they are needed
            return
        root = Path(self.root)
        files = carried(self.target_name)
        missing = [path for path in files if not (root / path).exists()]
        if missing:
            raise FileNotFoundError(
                f"{missing[0]} is missing: `./build.sh all` makes it; `make dist` does both"
            )
        build_data["force_include"].update({str(root / path): at for path, at in files.items()})
