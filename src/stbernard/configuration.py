"""ironic.conf → Settings, and what oslo.policy wants of them. Nothing else knows oslo.config."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from oslo_config import cfg, types

from stbernard.errors import SettingsError
from stbernard.openstack.settings import OsloPolicy
from stbernard.settings import Settings


def load(files: Sequence[str | Path]) -> tuple[Settings, list[str]]:
    """Read the files, later ones winning; returns the settings and warnings for people.

    Raises SettingsError naming file, section and option of the first wrong value.
    """
    for path in files:
        if not Path(path).is_file():
            raise SettingsError(f"Configuration file {path} cannot be read: there is no such file.")
    conf = cfg.ConfigOpts()
    sections = {_section(room.name): room for room in fields(Settings)}
    hints = get_type_hints(Settings)
    for section, room in sections.items():
        group = None if section == "DEFAULT" else section
        conf.register_opts(list(_oslo_options(hints[room.name])), group=group)
    try:
        conf([], project="stbernard", default_config_files=[str(path) for path in files])
    except (cfg.ConfigFileParseError, cfg.ConfigFilesNotFoundError) as error:
        raise SettingsError(str(error)) from error
    values = {
        room.name: _read(conf, section, hints[room.name], files)
        for section, room in sections.items()
    }
    settings = Settings(**values)
    if files:
        settings = replace(settings, oslo_policy=_placed(settings.oslo_policy, Path(files[0])))
    return settings, list(_unknown(files))


def _placed(options: OsloPolicy, file: Path) -> OsloPolicy:
    """With paths that start at the configuration file's folder. Raises SettingsError."""
    folder = file.absolute().parent
    placed = folder / options.policy_file
    if options.policy_file != OsloPolicy.policy_file and not placed.is_file():
        raise SettingsError(f"[oslo_policy]policy_file is wrong: there is no file {placed}.")
    folders = tuple(str(folder / each) for each in options.policy_dirs)
    return replace(options, policy_file=str(placed), policy_dirs=folders)


def database_connection(path: str | Path) -> str:
    """[database]connection of a configuration file, ours or Ironic's. Raises SettingsError."""
    try:
        for _, sections in _parsed([path]):
            for value in sections.get("database", {}).get("connection", ())[-1:]:
                return value
    except cfg.ParseError as error:
        raise SettingsError(f"{path}: {error}") from error
    raise SettingsError(f"{path}: [database]connection is not set, so it names no database.")


def policy_options(settings: Settings) -> cfg.ConfigOpts:
    """[oslo_policy] as oslo.policy wants it."""
    from oslo_policy import opts  # noqa: PLC0415 (only where there are policies)

    conf = cfg.ConfigOpts()
    conf([], project="stbernard", default_config_files=[])
    opts.set_defaults(conf)
    for name, value in asdict(settings.oslo_policy).items():
        conf.set_override(name, value, group="oslo_policy")
    return conf


def _section(name: str) -> str:
    return "DEFAULT" if name == "default" else name


def _oslo_options(room: type) -> Iterable[cfg.Opt]:
    hints = get_type_hints(room)
    for entry in fields(room):
        kind = hints[entry.name]
        if type(None) in get_args(kind):
            kind = get_args(kind)[0]
        limits = dict(entry.metadata)
        if kind is bool:
            yield cfg.BoolOpt(entry.name)
        elif kind is int:
            yield cfg.IntOpt(entry.name, **limits)
        elif kind is float:
            yield cfg.FloatOpt(entry.name, **limits)
        elif get_origin(kind) is dict:
            yield cfg.DictOpt(entry.name)
        elif kind is str:
            yield cfg.StrOpt(entry.name, **limits)
        else:
            item = types.Integer(**limits) if int in get_args(kind) else types.String()
            yield cfg.Opt(entry.name, type=types.List(item))


def _read(conf: cfg.ConfigOpts, section: str, room: type, files: Sequence[str | Path]) -> Any:
    """One section as its dataclass; options nobody set keep the dataclass's default."""
    assert is_dataclass(room)  # noqa: S101 (for the type checker)
    values = {}
    source = conf if section == "DEFAULT" else conf[section]
    for entry in fields(room):
        try:
            value = source[entry.name]
        except cfg.ConfigFileValueError as error:
            raise SettingsError(_locate(section, entry.name, error, files)) from error
        if value is not None:
            values[entry.name] = tuple(value) if isinstance(value, list) else value
    return room(**values)


def _locate(section: str, option: str, error: Exception, files: Sequence[str | Path]) -> str:
    """The text of an error with the file that set the option."""
    where = [path for path, seen in _parsed(files) if option in seen.get(section, {})]
    reason = str(error).split(" is not valid: ", 1)[-1]
    return f"{where[-1] if where else 'environment'}: [{section}]{option} is wrong: {reason}"


def _unknown(files: Sequence[str | Path]) -> Iterable[str]:
    """A warning for each section and option of the files that nothing reads."""
    known = {
        _section(room.name): {entry.name for entry in fields(room.type)}  # type: ignore[arg-type]
        for room in fields(Settings)
    }
    for path, sections in _parsed(files):
        for section, options in sections.items():
            for option in options:
                if option not in known.get(section, ()):
                    yield f"{path}: [{section}]{option} is not known and has no effect."


def _parsed(files: Sequence[str | Path]) -> Iterable[tuple[str, dict[str, dict[str, list[str]]]]]:
    for path in files:
        sections: dict[str, dict[str, list[str]]] = {}
        cfg.ConfigParser(str(path), sections).parse()
        yield str(path), sections
