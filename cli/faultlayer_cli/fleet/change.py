"""The changes of attach, detach and stop to a function's configuration: computed, not made.

Detach restores exactly what attach found. Attach refuses what detach could not restore. Layers,
variables and wrappers of others are kept, in their order.
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from faultlayer.vocabulary.registry import PREFIX
from faultlayer_cli.aws.account import Function
from faultlayer_cli.aws.arn import is_ours
from faultlayer_cli.fleet import datadog, runtimes, web_adapter
from faultlayer_cli.plans.masking import masked_variable
from faultlayer_cli.plans.variables import Variables

WRAPPER = "/opt/faultlayer-wrapper"
EXEC_WRAPPER = "AWS_LAMBDA_EXEC_WRAPPER"
NEXT_WRAPPER = PREFIX + "NEXT_WRAPPER"
DISABLED = PREFIX + "DISABLED"
_PORT = PREFIX + "PORT"
MOST_LAYERS = 5
MOST_BYTES = 4096  # of all variables together, as Lambda measures them


class Refusal(Exception):
    """The reason why this function cannot be changed safely, and the remedy."""


@dataclass(frozen=True)
class Change:
    """One function's layers and variables before and after; both the same: nothing to do."""

    function: Function
    layers: tuple[str, ...]
    variables: Mapping[str, str]
    note: str = ""  # the reason for no change, if it is not obvious
    found: tuple[str, ...] = ()  # for the user: changes by another tool since attach

    @property
    def empty(self) -> bool:
        return not self.new_layers and not self.new_variables

    @property
    def new_layers(self) -> bool:
        return self.layers != self.function.layers

    @property
    def new_variables(self) -> bool:
        return dict(self.variables) != dict(self.function.variables)

    def made(self, function: Function) -> bool:
        """True if the function is as this change wants it."""
        return function.layers == self.layers and dict(function.variables) == dict(self.variables)

    def difference(self) -> list[str]:
        """A line for each added, removed or changed layer and variable.

        Lines begin with `+` or `-`. Secrets are left out.
        """
        lines = []
        for sign, here, there in (
            ("-", self.function.layers, self.layers),
            ("+", self.layers, self.function.layers),
        ):
            lines += [f"{sign} layer {arn}" for arn in here if arn not in there]
        before, after = self.function.variables, self.variables
        for name in sorted(before.keys() | after.keys()):
            if before.get(name) != after.get(name):
                lines += [
                    f"{sign} {name}={masked_variable(name, variables[name])}"
                    for sign, variables in (("-", before), ("+", after))
                    if name in variables
                ]
        return lines


def attached(function: Function) -> bool:
    """True if the layer, or a part of it, is on the function; images bring their own."""
    if any(map(is_ours, function.layers)):
        return True
    return function.package != "Image" and function.variables.get(EXEC_WRAPPER) == WRAPPER


def concerned(function: Function) -> bool:
    """True if anything of faultlayer's is in its configuration: the layer, or a variable."""
    redirected = function.variables.get(EXEC_WRAPPER) == WRAPPER
    redirected = redirected or web_adapter.sent_to_us(function.variables)
    return attached(function) or redirected or bool(_own(function))


def may_inject(function: Function) -> bool:
    """True if faultlayer may be at work in it: in a layer of whatever name, or in its image."""
    return concerned(function) and bool(function.layers or function.package == "Image")


def _own(function: Function) -> list[str]:
    """The names of its variables that are faultlayer's."""
    return sorted(name for name in function.variables if name.startswith(PREFIX))


def size(variables: Mapping[str, str]) -> int:
    """Bytes of the variables as Lambda measures them: as compact JSON."""
    return len(json.dumps(dict(variables), separators=(",", ":"), ensure_ascii=False).encode())


def readable(function: Function) -> None:
    """Raise Refusal if the variables are hidden: writing others would lose them."""
    if function.unreadable:
        raise Refusal(
            f"its variables cannot be read ({function.unreadable}); "
            "you need kms:Decrypt on its key to change them"
        )


def _attachable(function: Function, wrapped: bool) -> None:
    """Raise Refusal if the layer would not work, or could not be taken off again."""
    if function.package == "Image":
        raise Refusal("is a container image, which has no layers: see docs/images.md")
    served = wrapped or web_adapter.seen(function)
    if why := runtimes.refusal(function.runtime, wrapped=served):
        raise Refusal(why)
    if function.state == "Failed":
        raise Refusal(f"is in the state Failed: {function.state_reason or 'AWS gives no reason'}")
    readable(function)
    own = _own(function)
    if own and not attached(function):
        raise Refusal(
            f"has variables of faultlayer's without its layer ({', '.join(own)}), which detach "
            f"would not give back: `faultlayer detach {function.name}` takes them off"
        )


def attach(
    function: Function, layer: str, given: Mapping[str, str] | None, *, wrapped: bool = False
) -> Change:
    """The layer of this ARN, last or in the place of another version, and these variables.

    `given` replaces all variables of faultlayer's; None leaves them. `wrapped`: the package of an
    OS-only runtime starts through our wrapper. Raises Refusal.
    """
    _attachable(function, wrapped)
    places = [place for place, arn in enumerate(function.layers) if is_ours(arn)]
    layers = [arn for arn in function.layers if not is_ours(arn)]
    layers.insert(places[0] if places else len(layers), layer)
    if len(layers) > MOST_LAYERS:
        raise Refusal(f"has {MOST_LAYERS} layers already, the most that Lambda allows")
    variables = dict(function.variables)
    next_wrapper = variables.get(NEXT_WRAPPER)
    if variables.get(EXEC_WRAPPER, WRAPPER) != WRAPPER:
        next_wrapper = variables[EXEC_WRAPPER]
    if given is not None:
        variables = {k: v for k, v in variables.items() if not k.startswith(PREFIX)} | dict(given)
    variables[EXEC_WRAPPER] = WRAPPER
    if next_wrapper is not None:
        variables[NEXT_WRAPPER] = next_wrapper
    if why := datadog.refusal(variables, next_wrapper):
        raise Refusal(why)
    if web_adapter.seen(function, next_wrapper):
        try:
            web_adapter.send(function, variables)
        except web_adapter.Unusable as why:
            raise Refusal(str(why)) from None
    # Room for the stop button, always.
    needed = size(variables | {DISABLED: "true"})
    if needed > MOST_BYTES:
        raise Refusal(
            f"its variables would take {needed} bytes with {DISABLED}=true, "
            f"more than the {MOST_BYTES} that Lambda allows"
        )
    return Change(function, tuple(layers), variables)


def detach(function: Function) -> Change:
    """Without the layer, its variables, and with the wrapper there was. Raises Refusal.

    A container image keeps its variables, which attach did not set, but for the kill switch.
    """
    if function.package == "Image":
        return _detach_image(function)
    if not concerned(function):
        note = "has nothing of faultlayer's"
        return Change(function, function.layers, function.variables, note)
    readable(function)
    layers = tuple(arn for arn in function.layers if not is_ours(arn))
    variables = {k: v for k, v in function.variables.items() if not k.startswith(PREFIX)}
    if function.variables.get(EXEC_WRAPPER) == WRAPPER:
        del variables[EXEC_WRAPPER]
        if NEXT_WRAPPER in function.variables:
            variables[EXEC_WRAPPER] = function.variables[NEXT_WRAPPER]
    if web_adapter.sent_to_us(function.variables):  # without the layer nobody listens there
        del variables[web_adapter.VARIABLE]
    return Change(function, layers, variables, found=tuple(_changed_since(function)))


def _changed_since(function: Function) -> Iterator[str]:
    """Changes by another tool since attach, and detach's answer to each."""
    if not any(map(is_ours, function.layers)):
        yield "has no layer of faultlayer's"
    wrapper = function.variables.get(EXEC_WRAPPER)
    first = function.variables.get(NEXT_WRAPPER)
    if wrapper == WRAPPER:
        return
    lost = ""
    if first and first != wrapper:
        lost = f"{first}, which attach found there, is not put back"
    if wrapper:
        stays = f"{EXEC_WRAPPER} is {wrapper}, which is not faultlayer's: it stays"
        yield f"{stays}; {lost}" if lost else stays
    elif lost or attached(function):
        gone = f"{EXEC_WRAPPER} is not set any more"
        yield f"{gone}: {lost}" if lost else gone


def _detach_image(function: Function) -> Change:
    """Without the kill switch that `stop` set, unless the image's faults would be armed by that."""
    variables = {k: v for k, v in function.variables.items() if k != DISABLED}
    found = Variables(variables)
    if len(variables) < len(function.variables) and (found.armed or found.source):
        raise Refusal(
            f"is a container image whose own faults would be armed without {DISABLED}: take its "
            "variables off first, where they are set"
        )
    return Change(function, function.layers, variables)


def disable(function: Function) -> Change:
    """With the kill switch on if faultlayer may be at work, else as it is. Raises Refusal."""
    unchanged = Change(function, function.layers, function.variables, _without_layer(function))
    if not may_inject(function):
        return unchanged
    readable(function)
    if Variables(function.variables).disabled:
        return Change(function, function.layers, function.variables, "was stopped already")
    variables = dict(function.variables) | {DISABLED: "true"}
    if size(variables) > MOST_BYTES:  # not by attach; without faults it fits
        variables = {
            name: value
            for name, value in function.variables.items()
            if not name.startswith(PREFIX) or name in (NEXT_WRAPPER, _PORT)
        }
        if size(variables | {DISABLED: "true"}) <= MOST_BYTES:
            variables[DISABLED] = "true"
    return Change(function, function.layers, variables)


def _without_layer(function: Function) -> str:
    """The remedy for faultlayer's variables without a layer; else empty."""
    if may_inject(function) or not concerned(function):
        return ""
    if web_adapter.sent_to_us(function.variables):
        return (
            f"has no layer, but {web_adapter.VARIABLE} names faultlayer, so the Lambda Web Adapter "
            f"reaches nobody: `faultlayer detach {function.name}` mends that"
        )
    redirected = function.variables.get(EXEC_WRAPPER) == WRAPPER
    if redirected and not runtimes.ignores_wrapper(function.runtime):
        return (
            f"has no layer, but {EXEC_WRAPPER}={WRAPPER}, so its runtime cannot start: "
            f"`faultlayer detach {function.name}` mends that"
        )
    return (
        "has no layer, so its variables of faultlayer's do nothing: "
        f"`faultlayer detach {function.name}` takes them off"
    )
