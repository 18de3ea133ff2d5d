"""The places of live plans: a file, or an agent of AWS on loopback. One file for each scheme.

    FAULTLAYER_PLAN=scheme:name ── find_source ── SOURCE(name, environ) ── fetch ──> the plan's text

- A new source is a new file here, named after its scheme, with a `SOURCE` in it.
- The variable's text is checked before any request is sent.
- A fetch is bounded in size and time.
- A message never repeats the name of the place, or any content from there.

https://docs.aws.amazon.com/systems-manager/latest/userguide/ps-integration-lambda-extensions.html
https://docs.aws.amazon.com/appconfig/latest/userguide/appconfig-integration-lambda-extensions.html
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Protocol

    class Source(Protocol):
        """A place that a plan is read from, again and again.

        `at_start`: it can be read before the extension registers. `before_events`: it can be read
        before the first invocation. `torn`: it can be read in the middle of being written.
        """

        kind: str
        at_start: bool
        before_events: bool
        torn: bool

        def fetch(self) -> str | bytes:
            """The plan's text. Raises ValueError, with the reason, if there is none."""


def find_source(text: str, environ: Mapping[str, str]) -> Source:
    """The source of `scheme:name`. Raises ValueError if the name is wrong for the scheme.

    The scheme is one of `values.kinds.PlanOrPlace.schemes`.
    """
    scheme, _, name = text.partition(":")
    module = __import__("faultlayer.settings.sources." + scheme, None, None, ("SOURCE",))
    source: Source = module.SOURCE(name, environ)
    return source
