"""Settings: where each value comes from, in which order, and how secrets stay secret.

Order of precedence, lowest first: built-in default, ``pinakes.toml`` in the archive home, environment variables
``PINAKES_<SECTION>_<NAME>`` (for example ``PINAKES_DATABASE_URL``), command-line flags. A password is never a setting:
it comes from a file named by ``PINAKES_DATABASE_PASSWORD_FILE`` or from libpq's own files.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from archive import log
from archive.access import Access
from archive.errors import NoArchive, SettingsError

SETTINGS_FILE = "pinakes.toml"
DEFAULT_HOME = "pinakes-archive"
ENV_PREFIX = "PINAKES_"


class Section(BaseModel):
    """A table of ``pinakes.toml``; a misspelt name is an error, not a silent default."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Database(Section):
    """The PostgreSQL catalog."""

    url: SecretStr = Field(
        SecretStr(""), description="Server to use, postgresql://...; empty: the server inside the archive home."
    )
    password_file: Path | None = Field(None, description="File whose first line is the password for the URL.")
    connect_timeout: float = Field(10, gt=0, description="Seconds to wait for a connection.")
    statement_timeout: float = Field(600, gt=0, description="Seconds a statement may take.")
    lock_timeout: float = Field(60, gt=0, description="Seconds a statement may wait for a lock.")
    run_as: str = Field(
        "", description="Account for the embedded server when started by root; empty: postgres or nobody."
    )


class Ingest(Section):
    """How raw files come in."""

    engine: Literal["inline", "pool", "dask"] = Field("inline", description="Where jobs run.")
    workers: int = Field(0, ge=0, description="Worker processes of the pool; 0: one per core.")
    after: Literal["leave", "move", "remove"] = Field(
        "leave", description="What becomes of the source once it is safe: left, moved to incoming/.done, or removed."
    )
    lease: float = Field(60, gt=0, description="Seconds a claim holds without a sign of life.")
    max_attempts: int = Field(3, ge=1, description="Attempts before a job is given up.")
    settle: float = Field(2, ge=0, description="Seconds a watched file must not have grown before it is taken.")
    max_problems: int = Field(1000, ge=1, description="Rows of problems kept per file; the rest are folded into one.")


class Store(Section):
    """The file tree."""

    min_free: int = Field(
        64 * 2**20, ge=0, description="Bytes that must stay free on the volume before a file is staged."
    )


class Files(Section):
    """Permissions of what the archive writes: stored files, pages, logs, exports. Sources are never changed."""

    mode: str = Field(
        "", description="Permissions of new files, octal text such as 0640; empty: what the umask leaves. Stored files "
        "never have write bits, and have 0444 when this is empty."
    )  # fmt: skip
    directory_mode: str = Field(
        "", description="Permissions of new folders, octal text such as 2750; empty: what the umask leaves."
    )
    group: str = Field("", description="Group of new files and folders, name or number; empty: as the system decides.")
    umask: str = Field("", description="Umask of the processes of Pinakes, octal text such as 0027; empty: inherited.")

    @field_validator("mode", "directory_mode", "umask")
    @classmethod
    def _octal(cls, text: str, info: ValidationInfo) -> str:
        if text and not re.fullmatch(r"[0-7]{3,4}", text):
            raise ValueError("it is no octal text such as 0640")
        least = {"mode": 0o600, "directory_mode": 0o700}.get(info.field_name or "", 0)
        if text and int(text, 8) & least != least:
            raise ValueError(f"the archive itself needs {least:04o} of it")
        if text and info.field_name == "umask" and int(text, 8) & 0o7700:
            raise ValueError("it would keep the archive from its own files")
        return text


class Site(Section):
    """The static pages."""

    title: str = Field("Pinakes", description="Title of the site.")
    stale_after: float = Field(26 * 3600, gt=0, description="Seconds after which a page says that it is old.")


class Monitor(Section):
    """One monitor or scheduled job; what is not given here is as its code says.

    Lengths of time are seconds, or text such as ``90s``, ``15m``, ``1h30m``, ``2d``. They and the schedule are read
    later, one monitor at a time, so that a mistake in one leaves the others alone.
    """

    title: str | None = Field(None, description="Name for people.")
    enabled: bool = Field(True, description="Whether it runs by its schedule.")
    schedule: str | None = Field(None, description="Cron expression, or interval such as 15m.")
    zone: str | None = Field(None, description="IANA time zone of the cron expression; default UTC.")
    grace: float | str | None = Field(None, description="How late a start may be before it counts as missed.")
    max_runtime: float | str | None = Field(None, description="After this a run is stopped.")
    max_memory: int | None = Field(None, gt=0, description="Bytes of address space a run may use.")
    early: float | str | None = Field(None, description="How early before its time a start is accepted; default 120 s.")
    failure_threshold: int = Field(1, ge=1, description="Bad runs in a row before a notice is sent.")
    recovery_threshold: int = Field(1, ge=1, description="Good runs in a row before the recovery is told.")
    flap_changes: int = Field(6, ge=2, description="Changes between up and down in the window that make it flapping.")
    flap_window: float | str = Field("24h", description="Window in which those changes are counted.")
    notify: list[Literal["email", "webhook", "command"]] | None = Field(
        None, description="Channels its notices go to; default: all that [notify] sets up; []: none."
    )
    host_group: str = Field("", description="Which machines it belongs to, for people.")
    tables: list[str] | None = Field(None, description="Tables it is expected to write, for people.")
    command: list[str] | None = Field(None, description="Program and arguments to run in place of code of ours.")
    log_files: str | None = Field(
        None, description="Glob pattern of the log files of a job that nothing records; one file is one run."
    )
    log_success: str = Field(
        ".*Completed Successfully", description="Regular expression for the whole last line of a good run's log."
    )
    keep_runs: int = Field(
        200, ge=1, description="Log files and pages of runs kept, newest first; the newest failure stays."
    )
    keep_days: float = Field(90, gt=0, description="Days that log files and pages of runs are kept.")
    options: dict[str, Any] = Field({}, description="Whatever the monitor itself wants to be told.")


class Notify(Section):
    """Where notices go. A channel is set up when its address is given."""

    email_to: list[str] = Field([], description="Addresses that notices are mailed to.")
    email_from: str = Field("pinakes@localhost", description="Sender of the mail.")
    smtp_host: str = Field("localhost", description="Mail server.")
    smtp_port: int = Field(25, gt=0, lt=65536, description="Its port.")
    smtp_security: Literal["none", "starttls", "tls"] = Field("none", description="How the connection is protected.")
    smtp_user: str = Field("", description="Account on the mail server; empty: no login.")
    smtp_password_file: Path | None = Field(None, description="File whose first line is the password of the account.")
    webhook_url: SecretStr = Field(SecretStr(""), description="Address that notices are posted to as JSON.")
    webhook_url_file: Path | None = Field(None, description="File whose first line is that address.")
    command: list[str] = Field([], description="Program and arguments; the text comes on its standard input.")
    timeout: float = Field(10, gt=0, description="Seconds one attempt may take.")
    max_attempts: int = Field(12, ge=1, description="Attempts before a notice is given up.")


class Log(Section):
    """The log."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least severity written to logs/.")
    environment: str = Field(
        "", pattern=r"^[A-Za-z0-9_-]{0,32}$",
        description="Name of this installation, such as ops, test or dev: stands in log lines and records of runs.",
    )  # fmt: skip
    keep_files: int = Field(500, ge=1, description="Log files kept of each verb, newest first; the newest error stays.")
    keep_days: float = Field(90, gt=0, description="Days that log files of verbs are kept.")


class Settings(BaseSettings):
    """All settings of one archive."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, env_nested_delimiter="_", env_nested_max_split=1, extra="forbid", frozen=True
    )

    home: Path = Field(Path(DEFAULT_HOME), description="The archive home.")
    database: Database = Database()
    ingest: Ingest = Ingest()
    store: Store = Store()
    files: Files = Files()
    site: Site = Site()
    log: Log = Log()
    notify: Notify = Notify()
    monitor: dict[str, Monitor] = Field({}, description="Monitors and scheduled jobs: tables [monitor.NAME].")

    def access(self) -> Access:
        """Return the permissions that new files get, with a count of its own."""
        files = self.files
        mode = int(files.mode, 8) if files.mode else None
        return Access(mode, int(files.directory_mode, 8) if files.directory_mode else None, files.group)

    def log_to(self, verb: str, run: str | None = None) -> Path:
        """Write the log of this process to a file of a verb (see `archive.log.to_file`); return its path."""
        return log.to_file(self.home, verb, self.log.level, run, self.access(), self.log.environment)

    def set_umask(self) -> None:
        """Give this process the umask of the settings, when they name one."""
        if self.files.umask:
            os.umask(int(self.files.umask, 8))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags before the environment before ``pinakes.toml``; no .env file, no secrets folder."""
        del dotenv_settings, file_secret_settings
        home = _home(init_settings(), env_settings())
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, home / SETTINGS_FILE)


def _home(*sources: Mapping[str, Any]) -> Path:
    for source in sources:
        if source.get("home"):
            return Path(source["home"])
    return Path(DEFAULT_HOME)


def load(home: Path | None = None, **flags: Any) -> Settings:
    """Read the settings of the archive at `home`.

    Parameters
    ----------
    home
        The archive home; None: ``PINAKES_HOME``, else ``./pinakes-archive``.
    **flags
        Values given on the command line, by section: ``ingest={"workers": 2}``.

    Raises
    ------
    SettingsError
        When a value cannot be used; the message names the setting and where it was given.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    if home is not None:
        given["home"] = home
    try:
        settings = Settings(**given)
    except ValidationError as error:
        raise SettingsError(_explain(error, given)) from None
    except tomllib.TOMLDecodeError as error:
        path = _home(given, _environment()) / SETTINGS_FILE
        raise SettingsError(f"{path} is not valid TOML: {error}.") from None
    except OSError as error:
        raise SettingsError(f"The settings cannot be read: {error.strerror}: {error.filename}.") from None
    return settings.model_copy(update={"home": settings.home.absolute()})


def open_home(home: Path | None = None, **flags: Any) -> Settings:
    """Like `load`, for an archive that must exist already.

    Raises
    ------
    NoArchive
        When the home has no ``pinakes.toml``.
    """
    settings = load(home, **flags)
    if not (settings.home / SETTINGS_FILE).is_file():
        raise NoArchive(f"There is no archive at {settings.home}; make one with `pinakes init --home {settings.home}`.")
    return settings


def origins(settings: Settings, flags: Mapping[str, Any] | None = None) -> list[tuple[str, str, str]]:
    """Return (setting, value as text, where it comes from) for every setting, secrets masked."""
    toml_path = settings.home / SETTINGS_FILE
    toml = tomllib.loads(toml_path.read_text(encoding="utf-8")) if toml_path.is_file() else {}
    rows = []
    for section in type(settings).model_fields:
        value = getattr(settings, section)
        if isinstance(value, dict):
            rows += _origins_of_tables(section, value, toml, flags or {}, toml_path)
            continue
        if not isinstance(value, BaseModel):
            rows.append((section, str(value), _origin(section, None, toml, flags or {}, toml_path)))
            continue
        for name in type(value).model_fields:
            source = _origin(section, name, toml, flags or {}, toml_path)
            rows.append((f"{section}.{name}", _shown(getattr(value, name)), source))
    return rows


def _origins_of_tables(
    section: str, tables: Mapping[str, BaseModel], toml: Mapping[str, Any], flags: Mapping[str, Any], path: Path
) -> list[tuple[str, str, str]]:
    """Return the rows of tables that the user names, such as ``[monitor.NAME]``."""
    rows = []
    for title, table in tables.items():
        given = toml.get(section, {}).get(title, {})
        elsewhere = _origin(section, title, {}, flags, path)
        for name in type(table).model_fields:
            source = str(path) if name in given and elsewhere == "default" else "default"
            source = elsewhere if elsewhere != "default" and name in table.model_fields_set else source
            rows.append((f"{section}.{title}.{name}", _shown(getattr(table, name)), source))
    return rows


def _shown(value: Any) -> str:
    return "" if value is None else str(value)


def _origin(section: str, name: str | None, toml: Mapping[str, Any], flags: Mapping[str, Any], path: Path) -> str:
    env = ENV_PREFIX + (section if name is None else f"{section}_{name}").upper()
    in_flags = section in flags if name is None else name in (flags.get(section) or {})
    in_toml = section in toml if name is None else name in toml.get(section, {})
    if in_flags:
        return "flag"
    if env in os.environ:
        return f"environment {env}"
    return str(path) if in_toml else "default"


def _environment() -> dict[str, str]:
    return {"home": os.environ[ENV_PREFIX + "HOME"]} if os.environ.get(ENV_PREFIX + "HOME") else {}


def _explain(error: ValidationError, flags: Mapping[str, Any]) -> str:
    """Turn the first fault into one sentence that never repeats a secret's value."""
    first = error.errors(include_input=False, include_url=False)[0]
    setting = ".".join(str(part) for part in first["loc"])
    section, _, name = setting.partition(".")
    env = ENV_PREFIX + setting.replace(".", "_").upper()
    if name in (flags.get(section) or {}):
        where = "on the command line"
    elif env in os.environ:
        where = f"in the environment variable {env}"
    else:
        where = f"in {_home(flags, _environment()) / SETTINGS_FILE}"
    if first["type"] == "extra_forbidden":
        return f"There is no setting {setting!r} ({where}); `pinakes config show` lists them all."
    return f"The setting {setting!r} given {where} cannot be used: {first['msg']}."


def describe() -> list[dict[str, str]]:
    """Return name, default, environment variable and meaning of every setting."""
    rows = []
    for section, outer in Settings.model_fields.items():
        if isinstance(outer.default, BaseModel):
            rows += [(f"{section}.{name}", field) for name, field in type(outer.default).model_fields.items()]
        elif isinstance(outer.default, dict):
            (_, table) = get_args(outer.annotation)
            rows += [(f"{section}.NAME.{name}", field) for name, field in table.model_fields.items()]
        else:
            rows.append((section, outer))
    return [
        {
            "setting": name,
            "default": "" if field.default is None else str(field.default),
            "environment": "" if ".NAME." in name else ENV_PREFIX + name.replace(".", "_").upper(),
            "meaning": field.description or "",
        }
        for name, field in rows
    ]
