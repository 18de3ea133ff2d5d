"""Stand-ins for official base images, made of this machine's own Python, without a registry.

Three, each on top of the one before: `distroless` has Python and nothing else, no shell; `slim`
has a shell too, like python:3.11-slim; `lambda_python` is laid out as AWS's image is: entrypoint,
bootstrap (which honours AWS_LAMBDA_EXEC_WRAPPER), runtime client and emulator.
They are cached under names of our own; `lent` gives them the official names for a while.
REAL_IMAGES=1 pulls the real ones instead.
https://docs.aws.amazon.com/lambda/latest/dg/images-create.html
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
from docker.errors import DockerException, ImageNotFound

from faultlayer_cli.running import downloads
from images import engine, host
from images.tree import Tree, folder, pack

PYTHON_3_11 = "public.ecr.aws/lambda/python:3.11"

_DISTROLESS = """\
FROM scratch
ADD root.tar /
ENV PATH=/usr/local/bin:/usr/bin:/bin LD_LIBRARY_PATH=/usr/local/lib LANG=C.UTF-8
CMD ["python3"]
"""

# Like the official image's, but for where it takes a package from.
_PIP = """\
#!/bin/sh
# A stand-in: pip install --target FOLDER awslambdaric
[ "$1 $2 $4" = "install --target awslambdaric" ] || { echo "pip: only awslambdaric" >&2; exit 2; }
mkdir -p "$3" && cp -R /usr/share/awslambdaric/. "$3"
"""

_LAMBDA = """\
ENV LANG=en_US.UTF-8 TZ=:/etc/localtime LAMBDA_TASK_ROOT=/var/task LAMBDA_RUNTIME_DIR=/var/runtime
ENV PATH=/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin
ENV LD_LIBRARY_PATH=/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/opt/lib
WORKDIR /var/task
ENTRYPOINT ["/lambda-entrypoint.sh"]
"""

_ENTRYPOINT = """\
#!/bin/sh
if [ $# -ne 1 ]; then
  echo "entrypoint requires the handler name to be the first argument" >&2
  exit 142
fi
export _HANDLER="$1"
if [ -z "${AWS_LAMBDA_RUNTIME_API}" ]; then
  exec /usr/local/bin/aws-lambda-rie /var/runtime/bootstrap
else
  exec /var/runtime/bootstrap
fi
"""

_BOOTSTRAP = """\
#!/bin/sh
export PYTHONPATH=/var/runtime
set -- /var/lang/bin/python3 -m awslambdaric "$_HANDLER"
if [ -z "$AWS_LAMBDA_EXEC_WRAPPER" ]; then
  exec "$@"
fi
if [ ! -f "$AWS_LAMBDA_EXEC_WRAPPER" ]; then
  echo "$AWS_LAMBDA_EXEC_WRAPPER: does not exist"
  exit 127
fi
if [ ! -x "$AWS_LAMBDA_EXEC_WRAPPER" ]; then
  echo "$AWS_LAMBDA_EXEC_WRAPPER: is not an executable"
  exit 126
fi
exec "$AWS_LAMBDA_EXEC_WRAPPER" "$@"
"""


def distroless(client: docker.DockerClient) -> str:
    """Python without a shell."""
    empty: Tree = {"tmp/": (0o1777, b""), "etc/passwd": (0o644, b"root:x:0:0:root:/root:/bin/sh\n")}
    links: Tree = {name: (0o777, f"usr/{name}") for name in ("bin", "lib", "lib64")}
    files = host.python() | host.libraries(downloads.runtime().glob("*.so"))
    return build(client, "distroless", _DISTROLESS, empty | links | files)


def slim(client: docker.DockerClient) -> str:
    """Python, a shell, and a pip that installs AWS's runtime client from the image itself."""
    files = host.programs() | folder(downloads.runtime(), "usr/share/awslambdaric")
    files["usr/local/bin/pip"] = (0o755, _PIP.encode())
    return build(client, "slim", f"FROM {distroless(client)}\nADD root.tar /\n", files)


def lambda_python(client: docker.DockerClient) -> str:
    """AWS's image for Python."""
    files: Tree = {
        "lambda-entrypoint.sh": (0o755, _ENTRYPOINT.encode()),
        "usr/local/bin/aws-lambda-rie": (0o755, downloads.emulator()),
        "var/lang": (0o777, "/usr/local"),
        "var/runtime/bootstrap": (0o755, _BOOTSTRAP.encode()),
        "var/task/": (0o755, b""),
        "opt/": (0o755, b""),
    }
    files |= folder(downloads.runtime(), "var/runtime")
    return build(client, "lambda-python", f"FROM {slim(client)}\nADD root.tar /\n{_LAMBDA}", files)


def build(client: docker.DockerClient, name: str, dockerfile: str, files: Tree) -> str:
    """An image of a Dockerfile that adds these files as root.tar, its Python compiled."""

    def finish(files: Tree) -> Tree:
        root = io.BytesIO()
        pack(host.compiled(files), root)
        return {"root.tar": (0o644, root.getvalue())}

    return engine.build(client, name, dockerfile, files, finish)


@contextlib.contextmanager
def lent(
    client: docker.DockerClient,
    *names: str,
    image: Callable[[docker.DockerClient], str] = lambda_python,
) -> Iterator[None]:
    """The stand-in under these names, where they do not name a real image already.

    Taken back at the end, lest somebody's own image be built on a stand-in later. Runs beside one
    another share a name; the last one takes it back.
    """
    with contextlib.ExitStack() as stack:
        for name in names:
            stack.enter_context(_lent(client, name, image))
        yield


@contextlib.contextmanager
def _lent(
    client: docker.DockerClient, name: str, image: Callable[[docker.DockerClient], str]
) -> Iterator[None]:
    slug = re.sub(r"\W", "-", name)
    lock = Path(tempfile.gettempdir(), f"faultlayer-{slug}-{os.getuid()}.lock")
    with lock.open("w") as shared:
        fcntl.flock(shared, fcntl.LOCK_SH)
        if _is_real(client, name):
            yield
            return
        client.images.get(image(client)).tag(name)
        try:
            yield
        finally:
            with contextlib.suppress(BlockingIOError, ImageNotFound):
                fcntl.flock(shared, fcntl.LOCK_EX | fcntl.LOCK_NB)
                client.images.remove(name)


def _is_real(client: docker.DockerClient, name: str) -> bool:
    """Whether the name is an official image's; pulls that one where it was asked for."""
    image = engine.find(client, name)
    if image is not None and engine.PREFIX not in image.labels:
        return True
    if os.environ.get("REAL_IMAGES") != "1":
        return False
    try:
        client.images.pull(name)
    except DockerException as error:
        raise engine.Unavailable(f"cannot pull {name}: {error}") from None
    return True
