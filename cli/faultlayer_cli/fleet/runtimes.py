"""Runtimes that start without looking for an exec wrapper, and the reason of each.

Lambda looks for a wrapper in the managed runtimes of Amazon Linux 2 and later. OS-only runtimes
bring a bootstrap of their own, which can be wrapped. Nothing can be injected into the others.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-modify.html
https://docs.aws.amazon.com/lambda/latest/dg/lambda-golang.html
"""

from __future__ import annotations

import re

_OS_ONLY = "provided"
# Managed runtimes of Amazon Linux 1, and the first of the same language that knows wrappers.
_AMAZON_LINUX_1 = (
    (r"python(2\.7|3\.[67])", "python3.8 or later"),
    (r"nodejs|nodejs[468]\..*", "nodejs10.x or later"),
    (r"java8", "java8.al2 or later"),
    (r"dotnetcore[12]\..*", "dotnetcore3.1 or later"),
    (r"ruby2\.5", "ruby2.7 or later"),
)
_GO = "go1.x"


def ignores_wrapper(runtime: str) -> bool:
    """True if this runtime starts without looking for an exec wrapper."""
    return bool(refusal(runtime, wrapped=False))


def refusal(runtime: str, *, wrapped: bool) -> str:
    """The reason why the layer would do nothing in this runtime; empty if it works.

    `wrapped`: the package starts through the layer, as `faultlayer wrap-package` makes it.
    """
    if runtime.startswith(_OS_ONLY):
        if wrapped:
            return ""
        return (
            f"its runtime, {runtime}, starts the package's bootstrap and ignores exec wrappers: "
            "repackage it with `faultlayer wrap-package`, deploy that, and attach with --wrapped"
        )
    if runtime == _GO:
        return (
            "its runtime, go1.x, starts the program without an exec wrapper, and AWS has ended it: "
            "deploy the program as bootstrap on provided.al2023, see docs/attach.md"
        )
    for form, later in _AMAZON_LINUX_1:
        if re.fullmatch(form, runtime):
            return (
                f"its runtime, {runtime}, is one of Amazon Linux 1, which knows no exec wrappers, "
                f"and AWS has ended it: move the function to {later}"
            )
    return ""
