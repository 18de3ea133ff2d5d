"""ENV: the runtime starts with environment variables set or unset: wrong configuration.

The function alone is affected, and what the runtime itself reads of its environment; other
extensions, and Lambda, see what they saw before. What leads the runtime to the proxy cannot be
changed, nor a variable that a shell, which starts the runtime, does not deliver as it was set.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
"""

from __future__ import annotations

from faultlayer.jsontext import Repeated, dumps, json_value
from faultlayer.values.kinds import MASK, Kind
from faultlayer.vocabulary.actions import Action, SetEnvironment
from faultlayer.vocabulary.registry import PREFIX, Fault, Option, Options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_MOST = 32 << 10  # bytes, of names and texts; Lambda itself allows 4 KB
_OURS = ("AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_EXEC_WRAPPER", "_HANDLER")
_STEMS = (PREFIX, "_FAULTLAYER")
# Variables that bash, dash or busybox's ash do not deliver: a program that is started by a script
# of that shell, or by our wrapper in it, does not get the text that was set. Found by experiment,
# which tests/wrapper/test_wrapper_variables.py repeats with each shell that is there. Each reason
# has its names; those that begin with BASH are refused as a whole.
_NOT_DELIVERED = {
    "all shells set them at their start": "IFS PWD PPID",
    "bash and busybox count with it": "SHLVL",
    "a number that getopts uses: dash ends over other texts, bash and busybox reset it": "OPTIND",
    "bash computes them whenever they are read": (
        "EPOCHREALTIME EPOCHSECONDS HISTCMD LINENO RANDOM SECONDS SRANDOM"
    ),
    "bash has them as arrays, which it does not pass on": ("DIRSTACK FUNCNAME GROUPS PIPESTATUS"),
    "bash does not let them be set": "EUID UID SHELLOPTS",
    "bash sets it to what it runs": "_",
    "bash resets or unsets them in scripts": "COMP_WORDBREAKS OPTERR PS1 PS2 PS4",
    "bash unsets it if it is no folder": "OLDPWD",
    "some builds of bash read ~/.bashrc instead of passing them on": "SSH_CLIENT SSH2_CLIENT",
}
_SHELLS = frozenset(name for names in _NOT_DELIVERED.values() for name in names.split())
_SHELLS_STEM = "BASH"


class Variables(Kind):
    """Names of environment variables, and the text of each; None unsets it."""

    metavar = "JSON"
    allowed = (
        "a JSON object of names of variables (letters, digits, _) to texts or null, which unsets; "
        f"in all {_MOST >> 10} KB at most; not {', '.join(_OURS)}, faultlayer's own, BASH... and "
        "others that shells set themselves, such as UID or PWD"
    )
    example = '{"TABLE_NAME":"no-such-table","AWS_ENDPOINT_URL":null}'

    def parse(self, value: Any) -> dict[str, str | None]:
        variables = json_value(value)
        if not isinstance(variables, dict) or not variables:
            raise ValueError("is not a JSON object with at least one member")
        if isinstance(variables, Repeated):
            raise ValueError("has a member that is given more than once")
        size = 0
        for name, text in variables.items():
            _check_name(name)
            size += len(name) + _length(text)
        if size > _MOST:
            raise ValueError(f"is longer than {_MOST >> 10} KB in all")
        return dict(variables)

    def show(self, value: Any) -> str:
        return dumps(value)

    def masked(self, value: Any) -> Any:
        return {name: None if text is None else MASK for name, text in value.items()}


def _check_name(name: str) -> None:
    """Raise ValueError for a name that cannot be set; it quotes only names that are known here."""
    if not (name.isascii() and name.isidentifier()):
        raise ValueError("has a member that is no name of a variable")
    if name in _OURS:
        raise ValueError(f"has {name}, which leads to the function's start")
    for stem in _STEMS:
        if name.upper().startswith(stem):
            raise ValueError(f"has a member that begins with {stem}, which is faultlayer's own")
    if name in _SHELLS or name.startswith(_SHELLS_STEM):
        what = name if name in _SHELLS else f"a member that begins with {_SHELLS_STEM}"
        raise ValueError(f"has {what}, which some shells do not deliver")


def _length(text: Any) -> int:
    """The bytes of a variable's text."""
    if text is None:
        return 0
    if not isinstance(text, str):
        raise ValueError("has a member that is neither text nor null")
    if "\0" in text:
        raise ValueError("has a NUL in a text, which no variable can hold")
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        raise ValueError("has a text that UTF-8 cannot encode") from None


def begin(options: Options, draw: float) -> Action | None:
    return SetEnvironment(options.variables)


FAULT = Fault(
    __name__,
    order=1,
    help="the runtime starts with environment variables set or unset",
    main=Option("variables", Variables(), "names and texts; null unsets"),
    begin=begin,
    logged={
        "set": "the names of the variables that are set, without their values",
        "unset": "the names of the variables that are unset",
    },
)
