"""URLs: any form a person may write, one form used, no secret shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from archive.catalog import url as urls
from archive.config import load
from archive.errors import SettingsError

SECRET = "p@ss/w:rd%41"
QUOTED = "p%40ss%2Fw%3Ard%2541"


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg2"])
def test_every_scheme_becomes_the_one_with_the_driver_named(scheme: str) -> None:
    url = urls.normalise(f"{scheme}://user:{QUOTED}@host:5433/data")
    assert (url.drivername, url.password, url.host, url.port) == ("postgresql+psycopg2", SECRET, "host", 5433)
    assert urls.normalise(urls.text(url)) == url


@pytest.mark.parametrize("text", [f"postgresql://user:{QUOTED}@host/data", f"postgres://host/data?password={QUOTED}"])
def test_no_password_is_shown_wherever_it_stands(text: str) -> None:
    url = urls.normalise(text)
    assert url.password == SECRET
    for shown in (urls.masked(url), repr(url), urls.for_libpq(url)[0]):
        assert SECRET not in shown
        assert QUOTED not in shown
    assert urls.for_libpq(url)[1] == {"PGPASSWORD": SECRET}


@pytest.mark.parametrize("text", ["postgresql://%2Frun%2Fpg/data", "postgresql:///data?host=/run/pg"])
def test_a_socket_folder_may_stand_in_either_place(text: str) -> None:
    url = urls.normalise(text)
    assert not url.host
    assert url.query["host"] == "/run/pg"
    assert url.database == "data"


@pytest.mark.parametrize(
    "text", ["mysql://h/d", "postgresql+asyncpg://h/d", "host=h password=hidden", "", "postgresql://h:x/d"]
)
def test_what_is_no_such_url_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        urls.normalise(text)
    assert "hidden" not in str(caught.value)
    assert "database.url" in str(caught.value)


def test_the_password_comes_from_the_first_line_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text(f"{SECRET} \nsecond line\n")
    settings = load(tmp_path, database={"url": "postgresql://user:other@host/data", "password_file": path})
    assert urls.from_settings(settings).password == f"{SECRET} "
    path.unlink()
    with pytest.raises(SettingsError, match=r"database\.password_file"):
        urls.from_settings(settings)
