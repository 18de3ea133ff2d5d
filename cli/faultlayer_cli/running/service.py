r"""One function, served on one port of this machine until it is closed.

clients --> WebServer --> InvokeApi   --> Environments --> Emulator or Container, several
                      \-> FunctionUrl -/
"""

from __future__ import annotations

from dataclasses import replace

from faultlayer_cli.progress import SILENT, Progress
from faultlayer_cli.running.emulator import PATH, Endpoint, described
from faultlayer_cli.running.environments import Environments
from faultlayer_cli.running.function_url import FunctionUrl
from faultlayer_cli.running.invoke_api import LIMIT, InvokeApi
from faultlayer_cli.running.launch import Launch, endpoints
from faultlayer_cli.running.log_lines import LogLines
from faultlayer_cli.running.ports import LOOPBACK
from faultlayer_cli.running.web_server import WebServer

_LOG_SIZE = 65536  # bytes of each environment's log that are kept


class Service:
    """The function of a launch behind HTTP; `progress` gets notes and the logs.

    `trouble` gets the notes on trouble meanwhile, by default `progress`.
    """

    def __init__(
        self, launch: Launch, progress: Progress = SILENT, trouble: Progress | None = None
    ) -> None:
        self._launch = launch
        self._function = launch.function
        self._log = LogLines(progress, trouble)
        self._server = WebServer(launch.port, LIMIT, self._log)
        try:
            place = endpoints(launch, progress)
        except BaseException:
            self._server.close()
            raise

        def make(number: int) -> Endpoint:
            return place(self._function, self._log.of(number), log_size=_LOG_SIZE)

        self._environments = Environments(make, launch.concurrency, self._log)

    def start(self) -> None:
        """Return as soon as requests are answered. Raises Failure if that cannot be."""
        first = self._environments.start()
        # All have the same layer, also if a checkout's is changed under a run.
        self._function = replace(self._function, layer=first.layer)
        api: InvokeApi | FunctionUrl
        if self._launch.http:
            api = FunctionUrl(self._environments, self._log)
        else:
            variables = {**described(self._function), **self._function.env}
            name = variables["AWS_LAMBDA_FUNCTION_NAME"] or "function"
            api = InvokeApi(self._environments, name)
        self._server.start(api.answer)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self._server.port}{'/' if self._launch.http else PATH}"

    def tend(self) -> None:
        """Look after the environments; to be called now and then."""
        self._environments.tend()

    def close(self) -> None:
        """Stop, and leave no process, no container and no file behind."""
        self._server.close()
        if waiting := self._environments.waiting:
            self._log.note(f"asynchronous invocations that never ran: {waiting}")
        self._environments.close()
        self._log.close()
