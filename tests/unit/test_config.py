"""Settings come from four places, in a fixed order, and a mistake is told in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from archive import config
from archive.errors import NoArchive, SettingsError


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / config.SETTINGS_FILE).write_text("[ingest]\nworkers = 3\nlease = 30\n", encoding="utf-8")
    return tmp_path


def test_flags_win_over_environment_over_file_over_default(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PINAKES_INGEST_LEASE", "40")
    monkeypatch.setenv("PINAKES_INGEST_MAX_ATTEMPTS", "5")
    settings = config.load(home, ingest={"max_attempts": 7})
    assert settings.ingest.workers == 3
    assert settings.ingest.lease == 40
    assert settings.ingest.max_attempts == 7
    assert settings.ingest.after == "leave"


def test_origins_name_where_each_value_was_set(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PINAKES_INGEST_LEASE", "40")
    flags = {"ingest": {"max_attempts": 7}}
    found = {name: origin for name, _, origin in config.origins(config.load(home, **flags), flags)}
    assert found["ingest.workers"] == str(home / config.SETTINGS_FILE)
    assert found["ingest.lease"] == "environment PINAKES_INGEST_LEASE"
    assert found["ingest.max_attempts"] == "flag"
    assert found["ingest.after"] == "default"


def test_the_home_comes_from_the_environment(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PINAKES_HOME", str(home))
    assert config.open_home().ingest.workers == 3


def test_a_secret_is_never_shown(home: Path) -> None:
    settings = config.load(home, database={"url": "postgresql://user:hunter2@host/name"})
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in str(config.origins(settings))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[ingest]\nworkerz = 1\n", ["ingest.workerz", "pinakes config show"]),
        ("[ingest]\nlease = 'long'\n", ["ingest.lease", "valid number"]),
        ("[ingest\n", ["not valid TOML"]),
        ("[nonsense]\nx = 1\n", ["nonsense"]),
    ],
)
def test_a_mistake_in_the_file_is_one_sentence_that_names_it(home: Path, text: str, words: list[str]) -> None:
    (home / config.SETTINGS_FILE).write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as error:
        config.load(home)
    assert all(word in str(error.value) for word in [*words, config.SETTINGS_FILE][: len(words) + 1])
    assert "\n" not in str(error.value)


def test_a_mistake_in_the_environment_names_the_variable(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PINAKES_INGEST_LEASE", "-1")
    with pytest.raises(SettingsError, match="PINAKES_INGEST_LEASE"):
        config.load(home)


def test_a_home_without_settings_is_no_archive(tmp_path: Path) -> None:
    with pytest.raises(NoArchive, match="pinakes init"):
        config.open_home(tmp_path / "nowhere")


def test_every_setting_says_what_it_means() -> None:
    assert all(row["meaning"] for row in config.describe())


def test_tables_that_the_user_names_tell_their_origin(tmp_path: Path) -> None:
    (tmp_path / config.SETTINGS_FILE).write_text(
        '[monitor.backlog]\nschedule = "*/5 * * * *"\ngrace = "2m"\n[monitor.nightly]\ncommand = ["true"]\n',
        encoding="utf-8",
    )
    settings = config.load(tmp_path)
    found = {name: (value, origin) for name, value, origin in config.origins(settings)}
    assert found["monitor.backlog.schedule"] == ("*/5 * * * *", str(tmp_path / config.SETTINGS_FILE))
    assert found["monitor.backlog.zone"] == ("", "default")
    assert found["monitor.nightly.command"] == ("['true']", str(tmp_path / config.SETTINGS_FILE))
    assert {"monitor.NAME.grace", "notify.smtp_host"} <= {row["setting"] for row in config.describe()}


def test_a_misspelt_key_of_a_monitor_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / config.SETTINGS_FILE).write_text('[monitor.backlog]\nschedul = "5m"\n', encoding="utf-8")
    with pytest.raises(SettingsError, match=r"There is no setting 'monitor\.backlog\.schedul'"):
        config.load(tmp_path)


def test_the_address_of_a_webhook_is_a_secret(tmp_path: Path) -> None:
    (tmp_path / config.SETTINGS_FILE).write_text('[notify]\nwebhook_url = "https://x/hunter2"\n', encoding="utf-8")
    shown = config.origins(config.load(tmp_path))
    assert "hunter2" not in str(shown)
