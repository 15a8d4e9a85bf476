"""`stbernard serve`: API and worker in one process; `api` and `worker`: one of them."""

import os
import sys

from stbernard.cli.options import ConfigFiles, errors_as_lines, read_settings


def serve(config_file: ConfigFiles = None) -> None:
    """Serve the Bare Metal API and work on its nodes, until SIGTERM."""
    _serve(config_file)


def api(config_file: ConfigFiles = None) -> None:
    """Serve the API only, until SIGTERM; workers of the same database do the work."""
    _serve(config_file, worker=False)


def worker(config_file: ConfigFiles = None) -> None:
    """Work on the nodes of a database whose API other processes serve, until SIGTERM."""
    _serve(config_file, api=False)


def _serve(config_file: ConfigFiles, *, api: bool = True, worker: bool = True) -> None:
    with errors_as_lines():
        settings = read_settings(config_file)
        from stbernard import service  # noqa: PLC0415 (other commands start faster without it)

        service.configure_logging(debug=settings.default.debug, use_json=settings.default.use_json)
        try:
            service.serve(settings, api=api, worker=worker)
        except SystemExit as end:  # all is closed by now
            sys.stderr.flush()
            # Python would wait for the threads of requests that ask a BMC, and were given up
            os._exit(int(end.code or 0))
