"""Load modules whose code lies in the package's own file.

`compile.py` puts this after the package's source, then one call of `_hold` with the code. A module
is found here before any folder is looked at, and its code is given up once it is loaded.
"""

import gc
import sys
from marshal import loads

# Until `main` has registered: the collector finds nothing then, and takes a thirtieth of the time.
gc.disable()

_code: dict[str, bytes] = {}
_packages: set[str] = set()


class Together:
    """Finds and loads these modules: see `importlib.abc.MetaPathFinder` and `Loader`."""

    @staticmethod
    def find_spec(name, path=None, target=None):  # type: ignore[no-untyped-def]
        if name not in _code:
            return None
        spec = type(__spec__)(name, Together, is_package=name in _packages)  # type: ignore[arg-type]
        if name in _packages:  # its other modules are files in its folder
            spec.submodule_search_locations = [f"{path[0]}/{name.rpartition('.')[2]}"]
        return spec

    @staticmethod
    def create_module(spec):  # type: ignore[no-untyped-def]
        return None

    @staticmethod
    def exec_module(module):  # type: ignore[no-untyped-def]
        exec(loads(_code.pop(module.__name__)), module.__dict__)


def _hold(code: dict[str, bytes], packages: list[str]) -> None:
    _code.update(code)
    _packages.update(packages)
    sys.meta_path.insert(0, Together)
