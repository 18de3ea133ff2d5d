"""Read the text of the plan that FAULTLAYER_PLAN names: a file, a parameter, AppConfig.

It is read as this command can, which is not as the function does: AWS's agents keep a plan for a
while, and a function's files are seldom here.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from faultlayer.settings import plan as reader
from faultlayer.settings.configuration import stopping_problem
from faultlayer.settings.draft import MAX_SIZE
from faultlayer_cli.errors import Failure
from faultlayer_cli.input_files import read_text

if TYPE_CHECKING:
    from faultlayer_cli.aws.account import Account

FILE = "file:"


def read_live_plan(source: str, account: Callable[[], Account]) -> str:
    """The plan at this place, by the account that is opened if AWS must be asked.

    Raises Failure with the reason if the plan is not known.
    """
    if source.startswith(FILE):
        text = _of_file(source.removeprefix(FILE))
    else:
        text = _of_store(source, account())
    plan = reader.read(text)
    if plan.stopped:
        raise Failure(f"{source} holds no plan that can be used: {stopping_problem(plan)}")
    return text


def _of_file(path: str) -> str:
    if not Path(path).exists():
        raise Failure(
            f"{path} is the function's file, and not here; allowed: --plan and a copy of it"
        )
    return read_text(path, most=MAX_SIZE)


def _of_store(source: str, account: Account) -> str:
    from faultlayer_cli.plans.place import Place  # and so boto3, which a file does not need
    from faultlayer_cli.plans.stores import at

    kind, _, name = source.partition(":")
    found = at(account, Place(kind, name)).read()
    if found.text is None:
        raise Failure(f"{source}: {found.note or 'does not exist'} in {account.place}")
    return found.text
