"""The server of the pages serves the pages and nothing else; the verbs do what their help says."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from archive.errors import NotFound, UsageError
from monitors.site.serve import Server, make_server
from tests.site_sample import SampleSite

PINAKES = str(Path(sys.executable).with_name("pinakes"))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    site = tmp_path / "site"
    (site / "events").mkdir(parents=True)
    for name, content in (("index.html", "<p>ü"), ("a.js", "1"), ("a.css", ""), ("a.csv", "é"), (".state.json", "{}")):
        (site / name).write_text(content, encoding="utf-8")
    (tmp_path / "secret.txt").write_text("secret")
    (site / "out").symlink_to(tmp_path / "secret.txt")
    with make_server(site, "127.0.0.1", 0) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def get(server: Server, path: str, method: str = "GET") -> tuple[int, str | None, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)
    connection.request(method, path)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, answer.getheader("Content-Type"), body


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html"),
        ("/index.html", "text/html"),
        ("/a.js", "text/javascript"),
        ("/a.css", "text/css"),
        ("/a.csv", "text/csv"),
    ],
)
def test_pages_have_their_type_and_their_encoding(server: Server, path: str, kind: str) -> None:
    status, found, _ = get(server, path)
    assert (status, found) == (200, f"{kind}; charset=utf-8")


@pytest.mark.parametrize(
    "path",
    [
        "/events/",
        "/events",
        "/.state.json",
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/out",
        "/nothing",
        "//etc/passwd",
        "/a%00b",
    ],
)
def test_nothing_else_is_served(server: Server, path: str) -> None:
    status, _, body = get(server, path)
    assert status in (301, 404)
    assert b"secret" not in body
    assert get(server, path, "HEAD")[0] in (301, 404)


def test_a_site_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="pinakes site build"):
        make_server(tmp_path, "127.0.0.1", 0)


def test_a_port_that_is_taken_is_one_sentence(server: Server, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="choose another with --port"):
        make_server(tmp_path / "site", "127.0.0.1", int(server.server_address[1]))


def pinakes(sample_site: SampleSite, *arguments: str) -> subprocess.Popen[str]:
    command = [PINAKES, "--home", str(sample_site.settings.home), *arguments]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PINAKES_")}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def test_build_prints_the_page_to_open(sample_site: SampleSite, tmp_path: Path) -> None:
    with pinakes(sample_site, "site", "build", "--out", str(tmp_path / "out")) as process:
        out, error = process.communicate(timeout=120)
    assert process.returncode == 0, error
    assert Path(out.strip()) == tmp_path / "out/index.html"
    assert Path(out.strip()).is_file()
    assert "files written" in error


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_prints_its_address_and_stops_cleanly(sample_site: SampleSite, number: signal.Signals) -> None:
    with pinakes(sample_site, "site", "serve", "--port", "0", "--out", str(sample_site.site)) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        connection = http.client.HTTPConnection(address.split("/")[2], timeout=20)
        connection.request("GET", "/index.html")
        assert b"Needs attention" in connection.getresponse().read()
        connection.close()
        process.send_signal(number)
        _, error = process.communicate(timeout=30)
    assert process.returncode == 0
    assert error.endswith("Stopped.\n")
