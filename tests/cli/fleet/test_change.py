"""What attach, detach and stop make of a function, as data: nothing of others' is ever lost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, settings
from hypothesis import given as given_any
from hypothesis import strategies as some

from faultlayer_cli.aws.account import Function, function
from faultlayer_cli.aws.arn import architecture_of, is_ours
from faultlayer_cli.fleet import change
from faultlayer_cli.fleet.change import (
    DISABLED,
    EXEC_WRAPPER,
    MOST_BYTES,
    NEXT_WRAPPER,
    WRAPPER,
    Change,
    Refusal,
)

ACCOUNT = "arn:aws:lambda:eu-west-1:123456789012"
OURS = f"{ACCOUNT}:layer:faultlayer-x86_64:3"
OLDER = f"{ACCOUNT}:layer:faultlayer-x86_64:2"
FAULTS = {"FAULTLAYER_LATENCY": "300ms", "FAULTLAYER_RATE": "20%"}


def given(*strategies: Any) -> Any:
    """Enough cases; machines differ in speed."""
    return lambda test: settings(max_examples=60, deadline=None)(given_any(*strategies)(test))


def make(**told: Any) -> Function:
    """A function of these parts, by the names that AWS gives them."""
    told = {"FunctionName": "orders", "FunctionArn": f"{ACCOUNT}:function:orders"} | told
    return function({"Runtime": "python3.12", "RevisionId": "1"} | told)


def with_variables(**variables: str) -> Function:
    return make(Environment={"Variables": variables})


def with_layers(*arns: str) -> Function:
    return make(Layers=[{"Arn": arn} for arn in arns])


def done(planned: Change) -> Function:
    """The function once AWS has made the change."""
    return replace(planned.function, layers=planned.layers, variables=dict(planned.variables))


# any function that faultlayer has not touched

others = some.text("abcXYZ019-_", min_size=1, max_size=9).map(lambda name: "fault" + name)
layer_arns = some.builds(
    lambda name, number: f"{ACCOUNT}:layer:{name}:{number}", others, some.integers(1, 99)
)
names = some.text("ABcd9_", min_size=1, max_size=9).map(lambda name: "FAULT" + name)
values = some.text(some.characters(exclude_categories=["Cs"]), max_size=20)
wrappers = some.sampled_from(["", "/opt/datadog_wrapper", "/opt/otel-handler"])
untouched = some.builds(
    lambda layers, variables, wrapper: make(
        Layers=[{"Arn": arn} for arn in layers],
        Environment={"Variables": variables | wrapper},
    ),
    some.lists(layer_arns, max_size=4),
    some.dictionaries(names, values, max_size=6),
    some.just({}) | wrappers.map(lambda path: {EXEC_WRAPPER: path}),
)
faults = some.sampled_from(
    [None, {}, FAULTS, {"FAULTLAYER_STATUS": "503"}, {DISABLED: "true", **FAULTS}]
)


@given(untouched, faults)
def test_detach_gives_back_what_attach_found(before: Function, given: dict[str, str] | None):
    attached = done(change.attach(before, OURS, given))
    assert change.attached(attached)
    assert done(change.detach(attached)) == before
    assert not change.attached(before)


@given(untouched, faults, faults)
def test_also_after_several_attaches_and_a_stop(
    before: Function, first: dict[str, str] | None, second: dict[str, str] | None
):
    attached = done(change.attach(before, OLDER, first))
    attached = done(change.attach(done(change.disable(attached)), OURS, second))
    assert done(change.detach(done(change.disable(attached)))) == before


@given(untouched, faults)
def test_attach_twice_is_attach_once(before: Function, given: dict[str, str] | None):
    once = done(change.attach(before, OURS, given))
    assert change.attach(once, OURS, given).empty
    assert change.attach(once, OURS, None).empty


@given(untouched)
def test_detach_and_stop_leave_alone_what_attach_never_touched(before: Function):
    assert change.detach(before).empty
    assert change.disable(before).empty
    assert change.detach(before).difference() == []


@given(untouched, faults)
def test_detach_twice_is_detach_once(before: Function, given: dict[str, str] | None):
    off = done(change.detach(done(change.attach(before, OURS, given))))
    assert change.detach(off).empty


@given(untouched, faults)
def test_attach_keeps_what_others_put_there(before: Function, given: dict[str, str] | None):
    attached = done(change.attach(before, OURS, given))
    assert attached.layers == (*before.layers, OURS)
    for name, value in before.variables.items():
        kept = NEXT_WRAPPER if name == EXEC_WRAPPER else name
        assert attached.variables[kept] == value
    assert attached.variables[EXEC_WRAPPER] == WRAPPER


@given(untouched, faults)
def test_the_stop_button_adds_one_variable(before: Function, given: dict[str, str] | None):
    attached = done(change.attach(before, OURS, given))
    stopped = done(change.disable(attached))
    assert stopped == replace(attached, variables=dict(attached.variables) | {DISABLED: "true"})
    assert change.disable(stopped).empty


@given(untouched, faults)
def test_the_difference_says_it_all(before: Function, given: dict[str, str] | None):
    planned = change.attach(before, OURS, given)
    variables, layers = dict(before.variables), list(before.layers)
    for line in planned.difference():
        sign, _, rest = line.partition(" ")
        if rest.startswith("layer "):
            assert sign == "+"
            layers.append(rest.removeprefix("layer "))
            continue
        name, _, value = rest.partition("=")
        if sign == "-":
            assert variables.pop(name) == value
        else:
            variables[name] = value
    assert (tuple(layers), variables) == (planned.layers, dict(planned.variables))


# layers


def test_another_version_takes_the_old_ones_place():
    others = [f"{ACCOUNT}:layer:a:1", f"{ACCOUNT}:layer:b:1"]
    before = replace(
        with_layers(others[0], OLDER, others[1]), variables={EXEC_WRAPPER: WRAPPER, **FAULTS}
    )
    planned = change.attach(before, OURS, None)
    assert planned.layers == (others[0], OURS, others[1])
    assert not planned.new_variables
    assert planned.difference() == [f"- layer {OLDER}", f"+ layer {OURS}"]


def test_one_layer_takes_the_place_of_two():
    arm = f"{ACCOUNT}:layer:faultlayer-arm64:1"
    before = replace(with_layers(OLDER, arm), variables={EXEC_WRAPPER: WRAPPER})
    assert change.attach(before, OURS, None).layers == (OURS,)
    assert change.detach(before).layers == ()


def test_five_layers_are_the_most():
    arns = [f"{ACCOUNT}:layer:other{n}:1" for n in range(5)]
    with pytest.raises(Refusal, match="5 layers already"):
        change.attach(with_layers(*arns), OURS, FAULTS)
    assert len(change.attach(with_layers(*arns[:4]), OURS, FAULTS).layers) == 5
    # With ours among them there is room.
    full = replace(with_layers(*arns[:4], OLDER), variables={EXEC_WRAPPER: WRAPPER})
    assert change.attach(full, OURS, FAULTS).layers == (*arns[:4], OURS)


@pytest.mark.parametrize(
    ("name", "architecture"),
    [
        ("faultlayer-x86_64", "x86_64"),
        ("faultlayer-arm64", "arm64"),
        ("faultlayer-team-2-arm64", "arm64"),
        ("faultlayer-arm64-x86_64", "x86_64"),
        ("faultlayer", ""),
        ("faultlayer-", ""),
        ("faultlayer-riscv", ""),
        ("my-faultlayer-arm64", ""),
        ("faultlayers-arm64", ""),
        ("faultlayer-arm64-old", ""),
    ],
)
def test_whose_layer_it_is(name: str, architecture: str):
    assert architecture_of(f"{ACCOUNT}:layer:{name}:12") == architecture
    assert is_ours(f"{ACCOUNT}:layer:{name}:12") == bool(architecture)
    assert not is_ours(f"{ACCOUNT}:layer:{name}")


# variables


def test_new_faults_replace_the_old_ones_and_none_keeps_them():
    once = done(change.attach(with_variables(A="1"), OURS, FAULTS))
    again = done(change.attach(once, OURS, {"FAULTLAYER_STATUS": "503"}))
    assert again.variables == {"A": "1", EXEC_WRAPPER: WRAPPER, "FAULTLAYER_STATUS": "503"}
    assert done(change.attach(once, OURS, None)) == once
    assert done(change.attach(once, OURS, {})).variables == {"A": "1", EXEC_WRAPPER: WRAPPER}


def test_a_wrapper_that_came_after_attach_is_kept():
    once = done(change.attach(with_variables(), OURS, FAULTS))
    theirs = replace(once, variables=dict(once.variables) | {EXEC_WRAPPER: "/opt/new"})
    again = done(change.attach(theirs, OURS, FAULTS))
    assert again.variables[EXEC_WRAPPER] == WRAPPER
    assert again.variables[NEXT_WRAPPER] == "/opt/new"
    assert done(change.detach(again)).variables == {EXEC_WRAPPER: "/opt/new"}
    assert done(change.detach(theirs)).variables == {EXEC_WRAPPER: "/opt/new"}


def test_what_is_left_of_a_layer_is_taken_off():
    left = with_variables(**{EXEC_WRAPPER: WRAPPER, NEXT_WRAPPER: "/opt/dd", "A": "1"})
    assert done(change.detach(left)).variables == {EXEC_WRAPPER: "/opt/dd", "A": "1"}


@pytest.mark.parametrize(
    ("layers", "variables", "left", "found"),
    [
        ((OURS,), {EXEC_WRAPPER: WRAPPER, NEXT_WRAPPER: "/opt/dd"}, "/opt/dd", []),
        ((), {EXEC_WRAPPER: WRAPPER, **FAULTS}, None, ["has no layer of faultlayer's"]),
        ((OURS,), FAULTS, None, [f"{EXEC_WRAPPER} is not set any more"]),
        ((OURS,), {NEXT_WRAPPER: "/opt/dd"}, None, [
            f"{EXEC_WRAPPER} is not set any more: /opt/dd, which attach found there, is not put "
            "back"
        ]),
        ((OURS,), {EXEC_WRAPPER: "/opt/new"}, "/opt/new", [
            f"{EXEC_WRAPPER} is /opt/new, which is not faultlayer's: it stays"
        ]),
        ((), {EXEC_WRAPPER: "/opt/new", NEXT_WRAPPER: "/opt/dd"}, "/opt/new", [
            "has no layer of faultlayer's",
            f"{EXEC_WRAPPER} is /opt/new, which is not faultlayer's: it stays; /opt/dd, which "
            "attach found there, is not put back",
        ]),
        ((), {EXEC_WRAPPER: "/opt/dd", NEXT_WRAPPER: "/opt/dd"}, "/opt/dd", [
            "has no layer of faultlayer's",
            f"{EXEC_WRAPPER} is /opt/dd, which is not faultlayer's: it stays",
        ]),
        ((), FAULTS, None, ["has no layer of faultlayer's"]),
    ],
)  # fmt: skip
def test_what_somebody_else_changed_since_attach_is_said(
    layers: tuple[str, ...], variables: dict[str, str], left: str | None, found: list[str]
):
    off = change.detach(replace(with_variables(A="1", **variables), layers=layers))
    assert done(off).layers == ()
    assert done(off).variables == {"A": "1"} | ({EXEC_WRAPPER: left} if left else {})
    assert list(off.found) == found
    again = change.detach(done(off))
    assert (again.empty, again.note, again.found) == (True, "has nothing of faultlayer's", ())


@given(some.dictionaries(some.text(max_size=9), some.text(max_size=99), max_size=9))
def test_the_size_is_that_of_compact_json(variables: dict[str, str]):
    try:
        text = json.dumps(variables, separators=(",", ":"), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        assume(False)
    assert change.size(variables) == len(text)
    assert json.loads(text) == variables


def test_sizes_that_lambda_would_say():
    assert change.size({}) == 2
    assert change.size({"A": "x"}) == len('{"A":"x"}')
    assert change.size({"A": 'é"'}) == len('{"A":"é\\""}'.encode())


def filled(room: int) -> Function:
    """A function whose variables leave so many bytes."""
    return with_variables(FILL="x" * (MOST_BYTES - room - len('{"FILL":""}')))


def needed(variables: Mapping[str, str]) -> int:
    """Bytes that these add to others."""
    return change.size(variables) - change.size({}) + len(",")


def test_a_full_environment_is_refused_while_there_is_room_for_the_stop_button():
    added = {EXEC_WRAPPER: WRAPPER, **FAULTS}
    room = needed(added | {DISABLED: "true"})
    attached = done(change.attach(filled(room), OURS, FAULTS))
    assert change.size(change.disable(attached).variables) == MOST_BYTES
    with pytest.raises(Refusal, match=f"{MOST_BYTES + 1} bytes with {DISABLED}=true"):
        change.attach(filled(room - 1), OURS, FAULTS)


def test_stop_works_where_there_is_no_room_for_it():
    """As set by hand: the faults go, and the switch comes if it then fits."""
    by_hand = {EXEC_WRAPPER: WRAPPER, NEXT_WRAPPER: "/opt/dd", "FAULTLAYER_STATUS": "503"}
    layers = (OURS,)
    full = filled(needed(by_hand))
    full = replace(full, layers=layers, variables=dict(full.variables) | by_hand)
    assert change.size(full.variables) == MOST_BYTES
    stopped = done(change.disable(full))
    assert change.size(stopped.variables) <= MOST_BYTES
    assert "FAULTLAYER_STATUS" not in stopped.variables
    assert stopped.variables[NEXT_WRAPPER] == "/opt/dd"
    del by_hand["FAULTLAYER_STATUS"]
    roomy = filled(needed(by_hand | {DISABLED: "true"}))
    roomy = replace(
        roomy,
        layers=layers,
        variables=dict(roomy.variables) | by_hand | {"FAULTLAYER_PLAN": "x" * 9},
    )
    assert done(change.disable(roomy)).variables[DISABLED] == "true"
    assert "FAULTLAYER_PLAN" not in done(change.disable(roomy)).variables
    idle = filled(needed({EXEC_WRAPPER: WRAPPER}))
    idle = replace(idle, layers=layers, variables=dict(idle.variables) | {EXEC_WRAPPER: WRAPPER})
    assert change.disable(idle).empty


# refusals

HIDDEN = {"Error": {"ErrorCode": "AccessDeniedException", "Message": "KMS says no"}}
ATTACHED = {"Layers": [{"Arn": OURS}]}


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"PackageType": "Image", "Runtime": None}, "docs/images.md"),
        ({"Runtime": "provided.al2023"}, "wrap-package"),
        ({"Runtime": "go1.x"}, "provided.al2023"),
        ({"Runtime": "python3.7"}, "Amazon Linux 1"),
        ({"State": "Failed", "StateReason": "no such subnet"}, "no such subnet"),
        ({"Environment": HIDDEN}, "kms:Decrypt"),
        ({"Environment": {"Variables": FAULTS}}, "FAULTLAYER_LATENCY, FAULTLAYER_RATE"),
        ({"Environment": {"Variables": {NEXT_WRAPPER: "/opt/dd"}}}, NEXT_WRAPPER),
    ],
)
def test_attach_refuses(told: dict[str, Any], why: str):
    with pytest.raises(Refusal) as caught:
        change.attach(make(**told), OURS, FAULTS)
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("act", [change.detach, change.disable])
def test_hidden_variables_are_not_overwritten(act: Any):
    with pytest.raises(Refusal, match="kms:Decrypt"):
        act(make(**ATTACHED, Environment=HIDDEN))
    assert act(make(Environment=HIDDEN)).empty


@pytest.mark.parametrize(
    "runtime",
    [
        *("nodejs10.x", "nodejs20.x", "nodejs22.x", "python3.8", "python3.12", "python3.14"),
        *("java8.al2", "java11", "java21", "dotnetcore3.1", "dotnet8", "ruby2.7", "ruby3.4"),
    ],
)
def test_runtimes_with_wrappers(runtime: str):
    assert not change.attach(make(Runtime=runtime), OURS, FAULTS).empty


@pytest.mark.parametrize(
    "runtime",
    [
        *("provided", "provided.al2", "provided.al2023"),
    ],
)
def test_os_only_runtimes_need_a_package_that_was_wrapped(runtime: str):
    with pytest.raises(Refusal):
        change.attach(make(Runtime=runtime), OURS, FAULTS)
    assert not change.attach(make(Runtime=runtime), OURS, FAULTS, wrapped=True).empty


def test_an_image_with_the_layer_inside_is_stopped():
    image = make(PackageType="Image", Environment={"Variables": FAULTS})
    assert change.concerned(image)
    assert done(change.disable(image)).variables == FAULTS | {DISABLED: "true"}
    assert change.detach(image).empty


def test_the_stop_button_leaves_an_image_to_its_own_faults():
    """What `stop` wrote is taken off, unless the image would inject faults without it."""
    variables = {"FAULTLAYER_LOG_LEVEL": "debug", "A": "1"}
    image = make(PackageType="Image", Environment={"Variables": variables})
    stopped = done(change.disable(image))
    assert stopped.variables[DISABLED] == "true"
    assert done(change.detach(stopped)) == image
    armed = make(PackageType="Image", Environment={"Variables": FAULTS})
    with pytest.raises(Refusal, match="own faults would be armed"):
        change.detach(done(change.disable(armed)))


@pytest.mark.parametrize("left", [FAULTS, {DISABLED: "true"}, FAULTS | {DISABLED: "true"}])
@pytest.mark.parametrize("wrapper", [{}, {EXEC_WRAPPER: WRAPPER}, {EXEC_WRAPPER: "/opt/other"}])
def test_without_any_layer_stop_writes_nothing_and_detach_takes_the_rest_off(
    left: dict[str, str], wrapper: dict[str, str]
):
    before = with_variables(A="1", **left, **wrapper)
    stopped = change.disable(before)
    assert stopped.empty
    assert "`faultlayer detach orders`" in stopped.note
    assert ("cannot start" in stopped.note) == (wrapper.get(EXEC_WRAPPER) == WRAPPER)
    off = done(change.detach(before))
    kept = {} if wrapper.get(EXEC_WRAPPER) == WRAPPER else wrapper
    assert off.variables == {"A": "1", **kept}
    assert not change.attach(off, OURS, FAULTS).empty


def test_a_layer_of_another_name_is_stopped():
    """As a SAM template may name it: the wrapper or the variables show that it may be ours."""
    named = f"{ACCOUNT}:layer:faultlayer:1"
    before = replace(with_layers(named), variables=FAULTS)
    stopped = done(change.disable(before))
    assert stopped.variables == FAULTS | {DISABLED: "true"}
    assert done(change.detach(stopped)) == replace(before, variables={})


@pytest.mark.parametrize("text", ["true", "1", "yes", "on"])
def test_what_is_stopped_is_left_alone(text: str):
    before = replace(with_layers(OURS), variables=FAULTS | {DISABLED: text})
    assert change.disable(before).empty


def test_an_os_only_runtime_starts_without_the_layer():
    left = make(Runtime="provided.al2023", Environment={"Variables": {EXEC_WRAPPER: WRAPPER}})
    assert "cannot start" not in change.disable(left).note


def test_whether_a_change_was_made():
    planned = change.attach(with_variables(A="1"), OURS, FAULTS)
    assert not planned.made(planned.function)
    assert planned.made(done(planned))
    assert not planned.made(replace(done(planned), variables={"A": "1"}))
