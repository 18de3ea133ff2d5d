"""The runtime and the handler of a function, found by what is in its folder."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from cli_support import ROOT

from faultlayer_cli.errors import Mistake
from faultlayer_cli.running.detection import find
from faultlayer_cli.running.local_function import Runtime

PY = "def handler(event, context): ...\n"
SAM = "def lambda_handler(event, context): ...\n"
JS = "export const handler = async (event) => event;\n"
CLASS = b"\xca\xfe\xba\xbe com/amazonaws/services/lambda/runtime/RequestHandler"
Files = Mapping[str, "str | bytes"]


def folder_of(top: Path, files: Files) -> Path:
    for name, content in files.items():
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return top


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"app.py": PY}, "app.handler (Python, app.py)"),
        ({"app.py": SAM}, "app.lambda_handler (Python, app.py)"),
        ({"app.py": SAM + PY}, "app.handler (Python, app.py)"),
        ({"app.py": PY, "other.py": PY}, "app.handler (Python, app.py)"),
        ({"app.py": "from shop import handler\n"}, "app.handler (Python, app.py)"),
        ({"app.py": "from shop import *\n"}, "app.handler (Python, app.py)"),
        ({"app.py": "if DEBUG:\n    handler = make()\n"}, "app.handler (Python, app.py)"),
        ({"app.py": "def broken(:\n"}, "app.handler (Python, app.py)"),
        ({"lambda_main.py": SAM}, "lambda_main.lambda_handler (Python, lambda_main.py)"),
        ({"shop.py": PY, "tools.py": "def help(): ...\n"}, "shop.handler (Python, shop.py)"),
        ({"app.py": PY, "package.json": "{}"}, "app.handler (Python, app.py)"),
        ({"index.mjs": JS}, "index.handler (Node.js, index.mjs)"),
        ({"index.js": "", "index.mjs": ""}, "index.handler (Node.js, index.mjs)"),
        ({"app.js": "export function lambdaHandler() {}"}, "app.lambdaHandler (Node.js, app.js)"),
        ({"shop.js": "exports.handler = f;", "a.js": "x"}, "shop.handler (Node.js, shop.js)"),
        (
            {"shop/Orders.class": CLASS, "shop/Order.class": b"", "com/amazonaws/X.class": CLASS},
            "shop.Orders::handleRequest (Java, shop/Orders.class)",
        ),
    ],
)  # fmt: skip
def test_the_one_handler_is_found(tmp_path: Path, files: Files, found: str) -> None:
    assert str(find(folder_of(tmp_path, files), None)) == found


@pytest.mark.parametrize(
    ("files", "handler", "found"),
    [
        ({"app.py": PY, "app.mjs": JS, "b.py": PY}, "b.handler", Runtime.PYTHON),
        ({"shop/orders.py": PY}, "shop.orders.place", Runtime.PYTHON),
        ({"shop/orders.py": PY}, "shop/orders.place", Runtime.PYTHON),
        ({"shop/__init__.py": PY}, "shop.place", Runtime.PYTHON),
        ({"src/index.js": JS}, "src/index.handler", Runtime.NODE),
        ({"index.cjs": JS}, "index.shop.place", Runtime.NODE),
        ({"shop/Orders.class": b""}, "shop.Orders::place", Runtime.JAVA),
        ({"shop/Orders.class": b""}, "shop.Orders", Runtime.JAVA),
    ],
)
def test_a_handler_tells_the_runtime(
    tmp_path: Path, files: Files, handler: str, found: Runtime
) -> None:
    assert find(folder_of(tmp_path, files), handler).runtime is found


def test_a_class_in_a_jar_of_the_lib_folder(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "broken.jar").write_bytes(b"no archive")
    with zipfile.ZipFile(tmp_path / "lib" / "shop.jar", "w") as jar:
        jar.writestr("shop/Orders.class", CLASS)
    found = find(tmp_path, "shop.Orders::handleRequest")
    assert (found.runtime, found.file) == (Runtime.JAVA, "lib/shop.jar")


@pytest.mark.parametrize(
    ("files", "handler", "told"),
    [
        (
            {"app.py": PY, "index.mjs": JS},
            None,
            "has several handlers: app.handler (Python, app.py), index.handler (Node.js, "
            "index.mjs); allowed: one of them as --handler",
        ),
        ({f"a{n}.py": PY for n in range(9)}, None, "a4.handler (Python, a4.py) and 4 more; allow"),
        (
            {"app.py": PY, "app.mjs": JS},
            "app.handler",
            "--handler app.handler is in app.py and app.mjs; allowed: --runtime python or "
            "--runtime nodejs",
        ),
        ({"app.py": SAM}, "main.handler", "allowed: app.lambda_handler (Python, app.py)"),
        ({"app.py": PY}, "app", "--handler names "),
        ({"shop/O.class": b""}, "shop.P::x", "--handler names the class shop.P, which "),
        ({}, None, "holds no handler that is found by its name; allowed: --handler, for example"),
        ({"bootstrap": b""}, None, "holds bootstrap, for an OS-only runtime, which runs in an im"),
        ({"app.rb": ""}, None, "allowed: --image public.ecr.aws/lambda/ruby:3.4 with --handler"),
        ({"X.runtimeconfig.json": "{}"}, None, "--image public.ecr.aws/lambda/dotnet:8"),
        ({"pom.xml": ""}, None, "mvn package dependency:copy-dependencies"),
        ({"shop.jar": b""}, None, "holds shop.jar, and nothing that Lambda runs; unzip it"),
        ({"go.mod": "", "main.go": ""}, None, "holds go.mod, and nothing that Lambda runs; build"),
        ({"index.ts": ""}, None, "holds index.ts, and nothing that Lambda runs; compile it"),
    ],
)
def test_a_question_that_names_the_answers(
    tmp_path: Path, files: Files, handler: str | None, told: str
) -> None:
    with pytest.raises(Mistake) as caught:
        find(folder_of(tmp_path, files), handler)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_runtime_that_is_named_decides(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, {"app.py": PY, "app.mjs": JS, "index.js": JS})
    assert find(folder, None, Runtime.NODE).file == "index.js"
    assert find(folder, "app.handler", Runtime.NODE).file == "app.mjs"
    assert find(folder, "app.handler", Runtime.PYTHON).file == "app.py"
    with pytest.raises(Mistake, match=r"--handler names other.mjs, which "):
        find(folder, "other.handler", Runtime.NODE)


def test_the_examples_are_what_they_are() -> None:
    assert find(ROOT / "examples" / "hello", None).runtime is Runtime.PYTHON
    assert find(ROOT / "examples" / "hello-node", None).runtime is Runtime.NODE
