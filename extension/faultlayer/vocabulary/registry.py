"""A fault and its options, and the options that all faults share.

Variables, flags, plan fields and reference tables derive from a fault's `FAULT`. The faults are
found by `faults`, which lists its own folder.
"""

from __future__ import annotations

from faultlayer.values.kinds import (
    Choice,
    Duration,
    Flag,
    Instant,
    Kind,
    Matching,
    PlanOrPlace,
    Rate,
    Several,
    Text,
    Whole,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from faultlayer.vocabulary.actions import Action
    from faultlayer.vocabulary.invocation import Invocation

PREFIX = "FAULTLAYER_"


class Option:
    """A value that users set: its plan name, kind, help, and default (None: unset)."""

    __slots__ = ("default", "help", "kind", "name")

    def __init__(self, name: str, kind: Kind, help: str, default: Any = None) -> None:
        self.name = name
        self.kind = kind
        self.help = help
        self.default = default


class Options:
    """The values of one rule's options, by name."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.__dict__.update(values)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...


class Equivalent:
    """The same fault of another tool, and the rule that says the same here.

    `name`: the flag or the variable that switches it on there. `options`: each of its options
    there, with the option of ours that it sets and its allowed values. `rule` turns those that are
    given into our options. `share`: its option for the share of invocations, `usual`: its default.
    """

    __slots__ = ("name", "options", "rule", "share", "usual")

    def __init__(
        self,
        name: str,
        options: dict[str, tuple[str, str]],
        rule: Callable[[dict[str, Any]], dict[str, Any]],
        *,
        share: str = "percentage",
        usual: float | None = None,
    ) -> None:
        self.name = name
        self.options = options
        self.rule = rule
        self.share = share
        self.usual = usual


def _as_said(options: Options, timeout: float) -> str:
    """No doubt: a function's timeout changes nothing about these options."""
    return ""


_NO_FIELDS: Mapping[str, str] = {}


def _never(options: Options, invocation: Invocation, draw: float) -> Action | None:
    """The decision about invocations of a fault that hits starts alone."""
    return None


class Fault:
    """One fault.

    `order`: its place if several hit the same invocation. `main`: the option of its own variable.
    `equivalents`: the same fault of other tools, whose configurations are accepted unchanged.
    `decide(options, invocation, draw)` returns the action to carry out, or None if the fault does
    not apply; `draw` is uniform in [0, 1), for anything random about it.
    `doubt(options, timeout)`: a sentence if a function with this timeout (seconds) is hit in
    another way than the options say; else empty.
    `relayed`: it disturbs connections, which must pass through the relay for that.
    A fault with `begin(options, draw)` instead hits the start of an execution environment, before
    any event: there is no invocation to decide about, and nothing to match.
    """

    __slots__ = (
        "begin",
        "decide",
        "doubt",
        "equivalents",
        "help",
        "logged",
        "main",
        "name",
        "options",
        "order",
        "relayed",
    )

    def __init__(
        self,
        module: str,
        *,
        order: int,
        help: str,
        main: Option,
        options: tuple[Option, ...] = (),
        equivalents: tuple[Equivalent, ...] = (),
        decide: Callable[[Options, Invocation, float], Action | None] = _never,
        begin: Callable[[Options, float], Action | None] | None = None,
        doubt: Callable[[Options, float], str] = _as_said,
        logged: Mapping[str, str] = _NO_FIELDS,
        relayed: bool = False,
    ) -> None:
        self.name = module.rpartition(".")[2]
        self.order = order
        self.help = help
        self.main = main
        self.options = options
        self.equivalents = equivalents
        self.decide = decide
        self.begin = begin
        self.doubt = doubt
        self.logged = logged
        self.relayed = relayed

    @property
    def common(self) -> tuple[Option, ...]:
        """The options that it shares with other faults."""
        return COMMON if self.begin is None else AT_START

    @property
    def aims_at_hosts(self) -> bool:
        """True if it hits the function's connections."""
        return any(option.name == _HOSTS for option in self.options)

    def lacks(self, option: str) -> str:
        """The reason why it has no option of this name, if users may expect one; else empty."""
        here = any(option == other.name for other in self.common)
        return "" if here or option != _MATCH else "; " + NO_EVENT

    def variables(self) -> dict[str, Option]:
        """Its options by environment variable, the main one first, the common ones last."""
        stem = PREFIX + self.name.upper()
        named = {stem: self.main}
        for option in self.options + self.common:
            named[f"{stem}_{option.name.upper()}"] = option
        return named


CALLERS, ANY = "callers", "any"


def sources(callers: str) -> Option:
    """The option that adds event sources; `callers` describes the callers hit in any case."""
    help = f"`{CALLERS}`: {callers}; `{ANY}`: event sources too, whose records then count as done"
    return Option("sources", Choice(CALLERS, ANY), help, CALLERS)


def hosts(*, names_only: bool = False) -> Option:
    """The option of faults that hit the function's connections.

    `names_only`: they hit lookups, which have neither an address nor a port.
    """
    from faultlayer.values.hosts import EVERYWHERE, HostList

    help = "which hosts; `*` is all but loopback and link-local addresses"
    return Option(_HOSTS, HostList(names_only=names_only), help, EVERYWHERE)


# In the log lines of faults that hit connections: the host, as far as it is known.
HOST_FIELDS = {
    "host": "the name of the host, or its address if no name is known",
    "port": "its port",
}
_MATCH, _HOSTS = "match", "hosts"
NO_EVENT = "this fault hits the start of an execution environment, where no event is there to match"

COMMON = (
    Option(
        "rate", Rate(), "share of invocations that are hit (default: `FAULTLAYER_RATE`, else 1)"
    ),
    Option(
        _MATCH,
        Matching(),
        "which events are hit (default: `FAULTLAYER_MATCH`, else all); cold starts have no event",
    ),
    Option("max", Whole(0, 10**9, "10"), "injections per execution environment at most"),
)

# The options of faults that hit the start of an execution environment.
AT_START = (
    Option(
        "rate",
        Rate(),
        "share of environments whose start is hit (default: `FAULTLAYER_RATE`, else 1)",
    ),
    COMMON[-1],
)

HOSTS = "hosts"  # what can be observed

GLOBALS = (
    Option(
        "DISABLED", Flag(), "kill switch: true injects nothing, and the runtime starts untouched"
    ),
    Option("RATE", Rate(), "the rate of every fault that has none of its own"),
    Option("MATCH", Matching(), "which events are hit by every fault that has no match of its own"),
    Option("START", Instant(), "before this nothing is injected"),
    Option("END", Instant(), "from this on nothing is injected"),
    Option("DRY_RUN", Flag(), "true logs what would be injected, and injects nothing"),
    Option(
        "SEED",
        Text("any text", "7", number=True),
        "makes decisions reproducible: they depend on seed, fault and request id alone",
    ),
    Option("PLAN", PlanOrPlace(), "the same in JSON, with several rules of one fault if needed"),
    Option("POLL", Duration(), "how old a live plan may become before it is read anew", 10.0),
    Option("PORT", Whole(1, 65535, "9747"), "the proxy's loopback port; taken: any free one", 9747),
    Option(
        "RUNTIME_API",
        Text("host:port", "127.0.0.1:9009"),
        "the Runtime API to proxy, if another proxy stands before it",
    ),
    Option(
        "NEXT_WRAPPER",
        Text("the path of an executable", "/opt/otel-handler"),
        "the exec wrapper to run after faultlayer's",
    ),
    Option(
        "REDIRECT",
        Choice("proxy", "preload", "auto"),
        "how the function's connections are reached: `preload` (a library), `proxy` (its HTTP "
        "clients, by `HTTP_PROXY`), or `auto`: `proxy` for a static program, else `preload`",
        "auto",
    ),
    Option("METRICS", Choice("emf"), "the line of each injection carries CloudWatch metrics too"),
    Option(
        "OBSERVE",
        Several(HOSTS),
        "injects nothing: log which hosts the function calls, how often and how fast; `hosts` is "
        "all but loopback and link-local addresses",
    ),
)

# The globals that a plan may say as well, there in lower case.
PLANNED = ("SEED", "DRY_RUN", "DISABLED", "RATE", "MATCH", "START", "END", "OBSERVE")
