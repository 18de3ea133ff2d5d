"""Each action has an actor, each request a holder, and the tables name nothing else."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

from faultlayer.acting import actors, hold
from faultlayer.acting.actors import Actor, actor_of
from faultlayer.vocabulary import actions
from faultlayer.vocabulary.actions import Action, Hold, NotApplicable, SetEnvironment

ACTING = Path(actors.__file__).parent
TYPES = [
    kind
    for kind in vars(actions).values()
    if inspect.isclass(kind) and issubclass(kind, Action) and kind is not Action
]
AT_START = SetEnvironment  # acting.cold_start has it


def test_the_table_is_of_all_actions() -> None:
    assert set(actors._TABLE) == {*TYPES} - {NotApplicable, AT_START}


@pytest.mark.parametrize("kind", actors._TABLE, ids=lambda kind: kind.__name__)
def test_it_has_an_actor_that_acts(kind: type[Action]) -> None:
    actor = actor_of(kind)
    assert actor_of(kind) is actor
    verbs = ("before", "meanwhile", "after")
    assert any(getattr(type(actor), verb) is not getattr(Actor, verb) for verb in verbs)


def test_each_request_has_a_holder() -> None:
    """The types that the signature of the action names."""
    named = inspect.signature(Hold.__init__).parameters["request"].annotation.split(" | ")
    assert {kind.__name__ for kind in hold._HOLDERS} == set(named)
    for module in hold._HOLDERS.values():
        assert (ACTING.parent / "environment" / f"{module}.py").exists()


@pytest.mark.parametrize("path", sorted(ACTING.glob("*.py")), ids=lambda path: path.name)
def test_nothing_branches_on_the_type_of_an_action(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "isinstance":
            tested = ast.unparse(node.args[1])
            assert not any(kind.__name__ in tested for kind in TYPES), ast.unparse(node)
