"""`faultlayer local`: a function folder under the emulator, with faults given as flags.

Nothing starts before everything typed is right. Standard output holds the answer and nothing else.
No process and no file is left at the end, however it ends.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import time
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path

import click

from faultlayer.values.kinds import Whole
from faultlayer.vocabulary.registry import PREFIX
from faultlayer_cli import interrupts
from faultlayer_cli.commands import fault_flags
from faultlayer_cli.commands.options import FaultCommand, examples, files, folders
from faultlayer_cli.errors import FunctionFailed, Mistake
from faultlayer_cli.given_variables import of_assignments, of_files
from faultlayer_cli.input_files import read_event
from faultlayer_cli.plans import armed
from faultlayer_cli.plans.doubts import doubts
from faultlayer_cli.plans.time_span import iso, span
from faultlayer_cli.plans.variables import END, Variables
from faultlayer_cli.progress import Progress
from faultlayer_cli.running import host_names
from faultlayer_cli.running.detection import Found, find
from faultlayer_cli.running.emulator import REQUEST_ID, Endpoint
from faultlayer_cli.running.launch import Launch, endpoint
from faultlayer_cli.running.local_function import LocalFunction, Runtime
from faultlayer_cli.running.marked_log import MarkedLog
from faultlayer_cli.running.outcome import outcome
from faultlayer_cli.running.ports import is_free
from faultlayer_cli.running.service import Service
from faultlayer_cli.terminal import TERMINAL, put, put_bytes, say

PORT = 9748
_TIMEOUT = Whole(1, 900, "3")
_MEMORY = Whole(128, 10240, "128")
_STORAGE = Whole(512, 10240, "512")
_LISTEN = Whole(1, 65535, "9748")
_CONCURRENCY = Whole(1, 1000, "4")
_WATCH = 0.2  # seconds between two looks at the environments
_SYSTEM = {Path("/"), Path("/dev"), Path("/run")}
_SEEN = ("/var/task/", "/opt/")  # a plan in one of these is the function's own
_KERNEL = ("/proc", "/sys")
IMAGE = Runtime.PYTHON.image
_DEFAULT = "app.handler"  # of an image that may be of any runtime
_IMAGE = re.compile(
    r"(?:[A-Za-z0-9.-]+(?::[0-9]+)?/)?[a-z0-9]+(?:[._/-]+[a-z0-9]+)*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?",
    re.ASCII,
)


def number(flag: str, kind: Whole, text: str) -> int:
    try:
        return kind.parse(text)
    except ValueError as error:
        raise Mistake(f"{flag} {error}; allowed: {kind.allowed}") from None


def image_name(text: str) -> str:
    if not _IMAGE.fullmatch(text):
        raise Mistake("--image is not the name of an image; allowed: for example " + IMAGE)
    return text


def function_folder(text: str) -> Path:
    """The folder, checked to be one that a function may have."""
    folder = Path(text)
    if not folder.is_dir():
        raise Mistake(f"{text} is not a folder; allowed: the folder that holds the handler's file")
    real = folder.resolve()
    if real in _SYSTEM or any(map(real.is_relative_to, _KERNEL)):
        raise Mistake(f"{text} is the running system; allowed: a folder with the function's files")
    return folder


def function_in(
    folder: Path, handler: str | None, runtime: Runtime | None, image: str | None
) -> Found:
    """The handler of the function, and its runtime, which an image has by its name."""
    if handler == "":
        raise Mistake("--handler is empty; allowed: for example app.handler, or none, to find it")
    if image is None:
        return find(folder, handler, runtime)
    runtime = runtime or runtime_of(image)
    if runtime is not None and (handler is None or runtime is Runtime.PYTHON):
        return find(folder, handler, runtime)
    return Found(runtime or Runtime.PYTHON, handler or _DEFAULT, "")


def runtime_of(image: str) -> Runtime | None:
    """The runtime of an image by a word in its name; None if there is none."""
    words = re.findall("[a-z]+", image.rpartition("/")[2])
    return next((each for each in Runtime if each.value in words), None)


def listen_port(text: str | None, once: bool) -> int | None:
    """The port that was asked for, or the default one; None (any) if that is taken.

    With `once` nobody sees the port, so any will do and two runs never want the same.
    """
    if text is None:
        return PORT if is_free(PORT) and not once else None
    port = number("--listen", _LISTEN, text)
    if not is_free(port):
        raise Mistake(f"--listen {port} is taken; allowed: a free port, or no --listen for any")
    return port


def environment(
    typed: Mapping[str, str | None],
    files: Sequence[str],
    assignments: Sequence[str],
    for_: str | None,
) -> Variables:
    """The function's variables, each replacing those before it.

    FAULTLAYER_ ones of our own, then --env-file, then --function-env, then flags.
    """
    own = {name: text for name, text in os.environ.items() if name.startswith(PREFIX)}
    flagged = {name.upper(): text for name, text in typed.items() if text is not None}
    if for_ is not None:
        if END in flagged:
            raise Mistake("the end is given twice; allowed: one of --for and --until")
        flagged[END] = iso(datetime.now(timezone.utc) + span(for_))
    given = of_files(files, os.environ) | of_assignments(assignments, os.environ)
    found = fault_flags.parse(own | given | flagged, frozenset(flagged))
    if for_ is not None and not (found.rules or found.source or found.observes):
        raise Mistake("--for without a fault; allowed: with the faults that are to end")
    fault_flags.refuse_end_that_is_over(found, frozenset(flagged))
    fault_flags.warn(doubts(found.configuration), frozenset(flagged))
    return found


@click.command(
    cls=FaultCommand,
    context_settings={"max_content_width": 100},
    epilog=examples(
        "faultlayer local path/to/function --latency 100ms..400ms --rate 20%",
        "faultlayer local path/to/function --invoke event.json --status 503",
    ),
)
@click.argument("folder", metavar="DIR", shell_complete=folders)
@click.option(
    "--handler",
    metavar="HANDLER",
    help="file.function, or package.Class::method [default: found by the files in DIR]",
)
@click.option(
    "--runtime",
    type=click.Choice([each.value for each in Runtime]),
    help="of the function, if its files leave that open",
)
@click.option(
    "--invoke",
    metavar="FILE|-",
    shell_complete=files,
    help="invoke once with this event, print the answer",
)
@click.option(
    "--quiet", "-q", is_flag=True, help="on standard error only the function's output, and errors"
)
@click.option("--listen", metavar="PORT", help=f"port of the invoke endpoint [default: {PORT}]")
@click.option("--http", is_flag=True, help="serve it as a function URL does: any path, any method")
@click.option(
    "--concurrency",
    metavar="N",
    default="4",
    help="environments at most; requests beyond get 429 [default: 4]",
)
@click.option(
    "--function-env",
    "-e",
    metavar="NAME[=VALUE]",
    multiple=True,
    help="a variable of the function's; NAME alone passes on the value here (repeatable)",
)
@click.option(
    "--env-file",
    metavar="FILE",
    shell_complete=files,
    multiple=True,
    help="a file of such variables, as dotenv or AWS writes them (repeatable)",
)
@click.option(
    "--add-host",
    metavar="NAME:ADDRESS",
    multiple=True,
    help="the function finds this name at this address; host-gateway is this machine (repeatable)",
)
@click.option("--function-timeout", metavar="SECONDS", default="3", help="its timeout [default: 3]")
@click.option(
    "--function-memory",
    metavar="MB",
    default="128",
    help="the memory it is told it has [default: 128]",
)
@click.option(
    "--function-storage",
    metavar="MB",
    default="512",
    help="the size of its /tmp, which is in memory [default: 512]",
)
@click.option(
    "--layer",
    metavar="DIR",
    shell_complete=folders,
    help="the unpacked layer [default: that of this installation]",
)
@click.option("--for", "for_", metavar="TIME", help="the faults end after 30m, 2h, 1d")
@click.option("--docker", is_flag=True, help="in a container, also if it works without")
@click.option(
    "--image",
    metavar="NAME",
    help="of that container; any runtime [default: AWS's for the runtime of DIR]",
)
def local(
    folder: str,
    handler: str | None,
    runtime: str | None,
    invoke: str | None,
    quiet: bool,
    listen: str | None,
    http: bool,
    concurrency: str,
    function_env: Sequence[str],
    env_file: Sequence[str],
    add_host: Sequence[str],
    function_timeout: str,
    function_memory: str,
    function_storage: str,
    layer: str | None,
    for_: str | None,
    docker: bool,
    image: str | None,
    **typed: str | None,
) -> None:
    """Run a function on this machine, with faults.

    The function in DIR runs under AWS's Lambda Runtime Interface Emulator, with the layer at /opt.
    Linux needs neither Docker nor root. If that cannot work, the function runs in a Docker
    container. It serves the invoke endpoint until interrupted, or invokes once with --invoke. Logs
    go to standard error.

    Functions in Python, Node.js and Java are found by their files; others run with --image. With
    --invoke the exit code is 5 if the function failed.

    Each flag of a fault stands for an environment variable: --latency-when after is
    FAULTLAYER_LATENCY_WHEN=after. Those that are set already count too; flags win.
    """
    if layer is not None and not Path(layer, "extensions", "faultlayer").is_file():
        raise Mistake(f"--layer {layer} holds no extensions/faultlayer; allowed: dist/<arch>")
    if http and invoke is not None:
        raise Mistake("--http serves the function, and --invoke invokes it once; allowed: one")
    if image is not None:
        image_name(image)
    event = None if invoke is None else read_event(invoke, "--invoke")
    env = environment(typed, env_file, function_env, for_).texts
    path = function_folder(folder)
    found = function_in(path, handler, Runtime(runtime) if runtime else None, image)
    function = LocalFunction(
        folder=path,
        handler=found.handler,
        runtime=found.runtime,
        env=env,
        timeout=number("--function-timeout", _TIMEOUT, function_timeout),
        memory=number("--function-memory", _MEMORY, function_memory),
        storage=number("--function-storage", _STORAGE, function_storage),
        layer=Path(layer) if layer else None,
        hosts=host_names.of_options(add_host),
    )
    launch = Launch(
        function,
        image=image or found.runtime.image,
        port=listen_port(listen, once=invoke is not None),
        docker=docker or image is not None,
        concurrency=number("--concurrency", _CONCURRENCY, concurrency),
        http=http,
    )
    if not launch.docker:
        plan_in_sight(env)
    answer(launch, found, event, quiet=quiet)


for _setting in fault_flags.settings():
    local.params.append(_setting.as_click())


def plan_in_sight(env: Mapping[str, str]) -> None:
    """Refuse a plan in a file of this machine that the function does not see."""
    source = env.get("FAULTLAYER_PLAN", "")
    path = source.removeprefix("file:")
    if path != source and not path.startswith(_SEEN) and Path(path).is_file():
        raise Mistake(
            f"FAULTLAYER_PLAN names {path}, which the function does not see; allowed: "
            f"--plan {path}, or file:/var/task/ and the name of a file in DIR"
        )


def answer(launch: Launch, found: Found, event: bytes | None, *, quiet: bool) -> None:
    """Invoke the function once with this event and print its answer, or serve it."""
    with interrupts.raised(), contextlib.ExitStack() as stack:
        progress = MarkedLog(TERMINAL, quiet=quiet)
        stack.callback(progress.close)
        if event is None:
            service = Service(launch, progress, trouble=TERMINAL)
            stack.callback(undisturbed, service)
            tell(launch, found, progress)
            service.start()
            serve(service, launch, quiet=quiet)
        else:
            place = endpoint(launch, progress)
            stack.callback(undisturbed, place)
            tell(launch, found, progress)
            place.start()
            invoke_once(place, event)


def tell(launch: Launch, found: Found, progress: Progress) -> None:
    """Say which runtime and handler were found, and which faults are armed."""
    if found.file:
        progress.note(f"{found.runtime.title}, by {found.file}; the handler is {found.handler}")
    given = {name: text for name, text in launch.function.env.items() if text is not None}
    progress.note(armed.sentence(Variables(given), launch.function.folder))


def invoke_once(place: Endpoint, event: bytes) -> None:
    """Print the answer of Lambda to its caller, byte for byte. Raises FunctionFailed."""
    request_id = str(uuid.uuid4())
    ended = outcome(place.invoke(event, {REQUEST_ID: request_id}), request_id)
    put_bytes(ended.payload)
    if ended.failure:
        raise FunctionFailed(f"the function failed: {ended.failure}")


def serve(service: Service, launch: Launch, *, quiet: bool) -> None:
    """Serve the function until Ctrl-C, which is how it is meant to end."""
    folder = launch.function.folder
    event = folder / "event.json"
    data = shlex.quote(f"@{event}") if event.is_file() else "'{}'"
    options = "" if launch.http else f"-d {data} "
    if not quiet:
        say(f"{folder} answers at {service.url} until you press Ctrl-C; try:")
        put(f"  curl {options}{service.url}", error=True)
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            time.sleep(_WATCH)
            service.tend()


def undisturbed(running: Endpoint | Service) -> None:
    """Close it; an impatient second Ctrl-C must not leave processes behind."""
    interrupts.ignore()
    running.close()
