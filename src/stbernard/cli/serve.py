"""`stbernard serve`: API and worker in one process."""

from stbernard.cli.options import ConfigFiles, errors_as_lines, read_settings


def serve(config_file: ConfigFiles = None) -> None:
    """Serve the Bare Metal API and work on its nodes, until SIGTERM."""
    with errors_as_lines():
        settings = read_settings(config_file)
        from stbernard import service  # noqa: PLC0415 (other commands start faster without it)

        service.configure_logging(debug=settings.default.debug, use_json=settings.default.use_json)
        service.serve(settings)
