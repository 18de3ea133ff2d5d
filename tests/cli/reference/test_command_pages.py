"""The command reference: nothing that click knows is left out."""

from __future__ import annotations

from faultlayer_cli.commands import fault_flags
from faultlayer_cli.main import commands as group
from faultlayer_cli.reference import command_pages


def test_the_command_reference_has_every_command_and_every_option():
    text = "\n".join(command_pages.commands())
    for name in group.list_commands(None):
        assert f"## faultlayer {name}\n" in text
        command = group.get_command(None, name)
        for parameter in command.params:
            if (
                not parameter.name.startswith("faultlayer_")
                and parameter.param_type_name != "argument"
            ):
                assert max(parameter.opts, key=len) in text, (name, parameter.name)
    for setting in fault_flags.settings():
        assert f"`{setting.flag}" in text
        assert f"`{setting.variable}`" in text
    assert "`--event` is `--fault-event` here" in text
