"""What every fault keeps to, whoever wrote it: run over the whole registry."""

from __future__ import annotations

import ast
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from faultlayer.faults import all_faults, fault_names, find_fault
from faultlayer.settings import plan
from faultlayer.settings.configuration import Configuration
from faultlayer.settings.variables import read_environment
from faultlayer.targeting.choose import Chooser
from faultlayer.targeting.injection import Candidate
from faultlayer.targeting.rules import Rule
from faultlayer.vocabulary.actions import AFTER, BEFORE, Action
from faultlayer.vocabulary.answer import Answer
from faultlayer.vocabulary.invocation import Invocation
from faultlayer.vocabulary.registry import COMMON, PREFIX, Fault, Option, Options

ROOT = Path(__file__).resolve().parents[2]
FAULTS = all_faults()
OPTIONS = [(fault, name) for fault in FAULTS for name in fault.variables()]
RECORD = {"body": "{}", "attributes": {}, "eventSource": "aws:sqs"}
RECORDS = [{"messageId": f"m{number}", **RECORD} for number in range(5)]
FRONT = {"requestContext": {"http": {"method": "GET"}}}
EVENT = json.dumps({**FRONT, "Records": RECORDS}).encode()  # one that every fault applies to
WORDS = {BEFORE, AFTER} | {
    word
    for fault in FAULTS
    for option in (fault.main, *fault.options)
    for word in getattr(option.kind, "words", ())
}
SHARED = {option.name for option in COMMON}

every_fault = pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
every_option = pytest.mark.parametrize(
    ("fault", "variable"), OPTIONS, ids=lambda value: value if isinstance(value, str) else ""
)


def head(*, deadline: bool = True) -> bytes:
    ends = b"Lambda-Runtime-Deadline-Ms: %d\r\n" % int((time.time() + 60) * 1000)
    return b"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: 8476a536\r\n%b\r\n" % (
        ends if deadline else b""
    )


def invocation(*, deadline: bool = True) -> Invocation:
    raw = head(deadline=deadline)
    return Invocation(raw, raw.lower(), lambda: EVENT)


def rules_of(chooser: Chooser | None) -> list[Rule]:
    """The rules of both kinds: for invocations, and for the start of an environment."""
    assert chooser is not None
    return chooser.rules + chooser.starts


def decided(fault: Fault, options: Options, about: Invocation, draw: float) -> Action | None:
    """What it decides about this invocation, or about a start where it hits starts."""
    return fault.decide(options, about, draw) if not fault.begin else fault.begin(options, draw)


def options_of(fault: Fault, **texts: str) -> Options:
    """The fault's options as the variables say them, the main one by its example."""
    stem = PREFIX + fault.name.upper()
    variables = {stem: fault.main.kind.example}
    variables |= {f"{stem}_{name.upper()}": text for name, text in texts.items()}
    settings = read_environment(variables)
    assert not settings.problems, settings.problems[0].message
    return rules_of(settings.chooser)[0].options


def every_action(fault: Fault) -> Iterator[Action]:
    """What it decides with each option alone set to its example, and each of its words."""
    ways: list[dict[str, str]] = [{}]
    for option in fault.options:
        words = getattr(option.kind, "words", (option.kind.example,))
        ways += [{option.name: word} for word in words]
    for way in ways:
        action = decided(fault, options_of(fault, **way), invocation(), 0.5)
        assert action is not None
        yield action


# -- where it lives ---------------------------------------------------------------------------


def test_the_registry_is_the_folder() -> None:
    files = {path.stem for path in (ROOT / "extension/faultlayer/faults").glob("[!_]*.py")}
    assert files == set(fault_names()) == {fault.name for fault in FAULTS}


@every_fault
def test_it_is_found_by_the_name_of_its_file(fault: Fault) -> None:
    assert find_fault(fault.name) is fault
    assert fault.name.isalpha()
    assert fault.name.islower(), "the variable's first word is the fault's name"


def test_what_is_no_fault_is_not_found() -> None:
    for name in ("", "nonsense", "LATENCY", "latency ", "__init__", "faults.latency", "é", "a/b"):
        assert find_fault(name) is None


# -- and where it is not -----------------------------------------------------------------------


def texts(node: ast.AST) -> set[str]:
    """The texts that this expression is, or is a list of."""
    parts = node.elts if isinstance(node, (ast.Tuple, ast.List, ast.Set)) else [node]
    return {
        part.value
        for part in parts
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    }


def behaves(node: ast.AST) -> bool:
    """True for what a dict of behaviours holds: functions, classes, methods, calls of them."""
    return isinstance(node, (ast.Lambda, ast.Name, ast.Attribute, ast.Call))


def is_table(node: Any) -> bool:
    """True for a dict that is a constant, such as ACTORS = {...}; any other is data."""
    target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
    name = getattr(target, "id", "")
    return isinstance(node.value, ast.Dict) and name.isupper()


def branched_on(tree: ast.AST) -> Iterator[tuple[int, set[str]]]:
    """The texts on which this code branches, each with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            for part in (node.left, *node.comparators):
                yield node.lineno, texts(part)
        elif isinstance(node, ast.MatchValue):
            yield node.value.lineno, texts(node.value)
        elif isinstance(node, ast.Call):
            called = node.func
            name = getattr(called, "attr", getattr(called, "id", ""))
            if name in ("find", "find_fault"):
                for argument in node.args:
                    yield node.lineno, texts(argument)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)) and is_table(node):
            for key, value in zip(node.value.keys, node.value.values, strict=True):
                if key is not None and behaves(value):
                    yield node.lineno, texts(key)


STEMS = [(name, name.upper(), PREFIX + name.upper()) for name in fault_names()]
NAMES = {spelled for spellings in STEMS for spelled in spellings}
SOURCES = sorted(
    path for folder in ("extension", "cli", "layer") for path in (ROOT / folder).rglob("*.py")
)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_code_branches_on_the_name_of_a_fault(path: Path) -> None:
    """So that adding a fault touches one file. Its own file may do as it likes."""
    where = path.relative_to(ROOT).as_posix()
    own = path.stem if path.parent.name == "faults" else ""
    names = {name for name in NAMES if own != name.removeprefix(PREFIX).lower()}
    tree = ast.parse(path.read_text())
    found = [
        f"{where}:{line}: {sorted(said & names)}"
        for line, said in branched_on(tree)
        if said & names
    ]
    assert not found


@pytest.mark.parametrize(
    "code",
    [
        'if name == "latency": pass',
        'if "STATUS" != name: pass',
        'if name in ("latency", "x"): pass',
        'match name:\n    case "crash": pass',
        'find_fault("event")',
        'registry.find("event")',
        'ACTORS = {"disk": fill}',
        'ACTORS = {"FAULTLAYER_DISK": lambda: 1}',
    ],
)
def test_code_that_branches_on_a_name_is_noticed(code: str) -> None:
    assert any(said & NAMES for _, said in branched_on(ast.parse(code)))


@pytest.mark.parametrize(
    "code",
    [
        '__slots__ = ("body", "headers", "status")',
        'fields = {"headers": 1, "status": "text"}',
        'emit("warn", "answer_refused", status=status)',
        'HEADERS = frozenset(("headers", "multiValueHeaders"))',
    ],
)
def test_an_ordinary_word_is_left_alone(code: str) -> None:
    assert not any(said & NAMES for _, said in branched_on(ast.parse(code)))


@every_fault
def test_its_place_is_its_own(fault: Fault) -> None:
    assert [other.name for other in FAULTS if other.order == fault.order] == [fault.name]


# -- what users set ---------------------------------------------------------------------------


@every_fault
def test_its_variables_derive_from_its_options(fault: Fault) -> None:
    stem = PREFIX + fault.name.upper()
    names = list(fault.variables())
    assert names[0] == stem
    common = ["RATE", "MAX"] if fault.begin else ["RATE", "MATCH", "MAX"]
    assert names[-len(common) :] == [f"{stem}_{name}" for name in common]
    assert all(name.startswith(stem + "_") for name in names[1:])
    assert len(set(names)) == 1 + len(fault.options) + len(common), "no two alike"
    assert SHARED.isdisjoint(option.name for option in (fault.main, *fault.options))


@every_fault
def test_it_explains_itself(fault: Fault) -> None:
    texts = [fault.help] + [option.help for option in fault.variables().values()]
    for text in texts:
        assert 10 < len(text) < 120
        assert "\n" not in text
        assert not text.endswith(".")


def _read(fault: Fault, variable: str, text: str) -> tuple[Configuration, Option]:
    variables = {PREFIX + fault.name.upper(): fault.main.kind.example, variable: text}
    return read_environment(variables), fault.variables()[variable]


@every_option
def test_an_option_is_read_and_shown_as_it_was(fault: Fault, variable: str) -> None:
    for text in {*getattr(fault.variables()[variable].kind, "words", ())} or {
        fault.variables()[variable].kind.example
    }:
        settings, option = _read(fault, variable, text)
        assert not settings.problems
        rule = rules_of(settings.chooser)[0]
        if option.name in SHARED:
            continue
        value = getattr(rule.options, option.name)
        again, _ = _read(fault, variable, option.kind.show(value))
        assert getattr(rules_of(again.chooser)[0].options, option.name) == value


@every_option
@pytest.mark.parametrize("text", ["", "\udc80", "hunter2 \x01{["])
def test_what_is_out_of_bounds_is_refused_with_what_is_allowed(
    fault: Fault, variable: str, text: str
) -> None:
    settings, option = _read(fault, variable, text)
    if option is fault.main and not text:
        assert settings.chooser is None, "an empty variable is a fault that is off"
        return
    if not text:
        assert (settings.problems, len(rules_of(settings.chooser))) == ([], 1), "it is unset"
        return
    if not settings.problems:
        parsed = option.kind.parse(text)
        assert isinstance(parsed, (str, tuple)), "free text alone may say anything"
        return
    (problem,) = settings.problems
    assert problem.variable == variable
    assert problem.message.endswith(f"allowed: {option.kind.allowed}")
    assert "hunter2" not in problem.message
    assert settings.chooser is None


@every_option
def test_a_plan_says_it_as_the_variables_do(fault: Fault, variable: str) -> None:
    option = fault.variables()[variable]
    assert option.name != "fault", "that names the fault itself"
    settings, _ = _read(fault, variable, option.kind.example)
    (expected,) = rules_of(settings.chooser)
    for text in (option.kind.example, option.kind.show(option.kind.parse(option.kind.example))):
        rule = {"fault": fault.name, fault.main.name: fault.main.kind.example, option.name: text}
        read = plan.read({"faults": [rule]})
        assert not read.problems
        (found,) = rules_of(Configuration().chooser_for(read))
        assert found.fault is fault
        assert vars(found.options) == vars(expected.options)
        assert found.rate == expected.rate
        assert (found.limit and found.limit.remaining) == (
            expected.limit and expected.limit.remaining
        )
        assert (found.match and found.match.show()) == (expected.match and expected.match.show())


@every_option
def test_a_plan_s_mistake_is_named_by_its_field(fault: Fault, variable: str) -> None:
    option = fault.variables()[variable]
    for wrong in (None, [], "\udc80", float("nan"), {"": ""}):
        good = {"fault": fault.name, fault.main.name: fault.main.kind.example}
        read = plan.read({"faults": [good, {**good, option.name: wrong}]})
        (problem,) = read.problems
        assert problem.field == f"faults[1].{option.name}"
        assert problem.message.endswith(f"allowed: {option.kind.allowed}")
        assert not read.stopped
        assert [values is None for _, values in read.drafts] == [False, True]


@every_option
def test_an_unset_option_has_a_value_that_could_be_set(fault: Fault, variable: str) -> None:
    option = fault.variables()[variable]
    if option.default is not None:
        kind = option.kind
        assert kind.parse(kind.show(option.default)) == option.default


# -- what it decides --------------------------------------------------------------------------


@every_fault
def test_deciding_has_no_effect(fault: Fault, capfd: pytest.CaptureFixture[str]) -> None:
    options = options_of(fault)
    before = repr(vars(options))
    arrived = invocation()
    began = time.thread_time()
    actions = [decided(fault, options, arrived, draw) for draw in (0.0, 0.5, 1 - 2**-53)]
    assert time.thread_time() - began < 1
    assert all(isinstance(action, Action) for action in actions)
    assert repr(vars(options)) == before
    assert arrived.head.startswith(b"HTTP/1.1 200 OK")
    assert capfd.readouterr() == ("", ""), "the log is written once, elsewhere"


@every_fault
def test_it_can_decide_about_any_invocation(fault: Fault) -> None:
    """One without a deadline or an id too, as old emulators send it."""
    options = options_of(fault)
    bare = b"HTTP/1.1 200 OK\r\n\r\n"
    for arrived in (invocation(deadline=False), Invocation(bare, bare.lower())):
        action = decided(fault, options, arrived, 0.5)
        assert action is None or isinstance(action, Action)


@every_fault
@pytest.mark.parametrize("event", [b"", b"null", b"5", b'"\\ud800"', b"[[]]", b"{", b"\xff", None])
def test_it_can_decide_about_any_event(fault: Fault, event: bytes | None) -> None:
    raw = head()
    action = decided(fault, options_of(fault), Invocation(raw, raw.lower(), lambda: event), 0.5)
    assert action is None or isinstance(action, Action)


@every_fault
def test_the_event_it_gives_the_function_is_json(fault: Fault) -> None:
    for action in every_action(fault):
        change: Any = getattr(action, "change", None)
        for event in (EVENT, b'{"Records":[]}', b"{}", b"[]", b" 1e400 ") if change else ():
            changed = change(event)
            assert changed is None or json.loads(changed) != json.loads(event)


@every_fault
def test_its_action_says_when(fault: Fault) -> None:
    for action in every_action(fault):
        assert action.when in (BEFORE, AFTER)


@every_fault
def test_its_log_line_holds_numbers_and_no_configured_text(
    fault: Fault, capfd: pytest.CaptureFixture[str]
) -> None:
    secrets: dict[str, str] = {}
    for option in fault.options:
        for secret in ("hunter2", '{"x-hunter2":"hunter2"}'):
            try:
                option.kind.parse(secret)
            except ValueError:
                continue
            secrets[option.name] = secret
    texts = [fault.main.kind.example]
    texts += ["hunter2: hunter2", "hunter2", '{"x-hunter2":"hunter2"}']
    for text in texts:
        try:
            main = fault.main.kind.parse(text)
        except ValueError:
            continue
        options = options_of(fault, **secrets)
        setattr(options, fault.main.name, main)
        action = decided(fault, options, invocation(), 0.5)
        assert action is not None
        injection = Candidate(Rule(fault, options), action).claim(
            None if fault.begin else "8476a536"
        )
        assert injection is not None
        injection.happened()
        (line,) = capfd.readouterr().out.splitlines()
        assert "hunter2" not in line
        told = json.loads(line)
        assert told.pop("source") == "faultlayer"
        assert (told.pop("event"), told.pop("level")) == ("fault_injected", "info")
        about = "phase" if fault.begin else "request_id"
        assert (told.pop("fault"), told.pop(about)) == (
            fault.name,
            "init" if fault.begin else "8476a536",
        )
        for name in [name for name, value in told.items() if isinstance(value, str)]:
            assert told.pop(name) in WORDS, "one of a few words, never a text of the user's"
        names = told.pop("set", []) + told.pop("unset", [])
        assert all(name.isidentifier() for name in names), "of variables, never what they hold"
        assert all(isinstance(value, (int, float)) for value in told.values()), told


OTHERWISE = {"disk": "free:1MB", "memory": "free:1MB", "init": "error"}  # another kind of line
BY_ACTORS = {"held", "host", "port"}  # what only the actor knows


@every_fault
def test_the_fields_of_its_log_line_are_those_of_its_page(fault: Fault) -> None:
    actions = [*every_action(fault)]
    if fault.name in OTHERWISE:
        options = options_of(fault)
        setattr(options, fault.main.name, fault.main.kind.parse(OTHERWISE[fault.name]))
        if fault.begin:  # what `error` says, as if nothing else were set
            options.message = options_of(fault, message="E: m").message
        other = decided(fault, options, invocation(), 0.5)
        actions += [other] if other else []
    told = {name for action in actions for name in action.numbers}
    assert told | (BY_ACTORS & fault.logged.keys()) == fault.logged.keys()
    page = (ROOT / "docs" / "faults" / f"{fault.name}.md").read_text()
    for name, meaning in fault.logged.items():
        assert f"- `{name}`: {meaning}." in page
        assert ("milliseconds" in meaning) == name.endswith("_ms")


@every_fault
def test_what_it_leaves_alone_keeps_its_bytes(fault: Fault) -> None:
    """An action on the answer tells whether it changed it, and does not where it says so."""
    payloads: list[bytes] = [b"", b"null", b'{ "order" : 7 }', b'{ "statusCode" : 204 }', b"\xff"]
    for action in every_action(fault):
        whole: Any = getattr(action, "whole", None)
        for payload in payloads if whole else ():
            answer = Answer(payload)
            if not whole(answer):
                assert answer.payload() == payload
