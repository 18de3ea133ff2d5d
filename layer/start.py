"""The modules loaded before registration, together in one file.

Each of them would else be found, opened and read on its own, which is a tenth of the time from the
start to the registration. The file is that of the package itself, `faultlayer/__init__.pyc`. No
module of these may use `__file__`. A test compares the lists with what is loaded in fact.
"""

from __future__ import annotations

PACKAGE = "faultlayer"
# With any fault that variables name.
ALWAYS = (
    "main",
    "log",
    "jsontext",
    "settings",
    "settings.variables",
    "settings.configuration",
    "settings.draft",
    "values",
    "values.kinds",
    "vocabulary",
    "vocabulary.registry",
    "startup",
    "startup.wrapper_file",
    "startup.extension_api",
    "targeting",
    "targeting.choose",
    "targeting.rules",
    "targeting.injection",
    "vocabulary.actions",
    "faults",
    "startup.listener",
    "startup.relay",
)
# For a match, a limit, or hosts.
SOMETIMES = (
    "events",
    "events.match",
    "events.paths",
    "targeting.limits",
    "targeting.limit_file",
    "values.hosts",
    "vocabulary.disturbances",
    "startup.control_socket",
)
MODULES = tuple(f"{PACKAGE}.{name}" for name in (*ALWAYS, *SOMETIMES))
