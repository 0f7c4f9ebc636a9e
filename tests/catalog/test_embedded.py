"""The server inside the home: made once, shared, found again after every kind of accident."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
from sqlalchemy import text

from archive.catalog import Catalog, accounts, binaries, cluster, processes
from archive.catalog.binaries import WHEEL, Binaries, installed
from archive.catalog.cluster import SOCKET
from archive.catalog.embedded import Server
from archive.catalog.engine import make_engine
from archive.errors import DatabaseUnavailable

ROOT = os.geteuid() == 0
as_root = pytest.mark.skipif(not ROOT, reason="only root chooses the server's account")

pytestmark = pytest.mark.slow


@pytest.fixture
def room() -> Iterator[Path]:
    """A folder that the server's account can pass through; whatever server is left below it is ended."""
    folder = Path(tempfile.mkdtemp(prefix="pinakes-room-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        for found in folder.rglob("PG_VERSION"):
            if found.parent.name.startswith("pg"):
                processes.signal_all(found.parent, signal.SIGKILL)
                processes.gone(found.parent, 10)
        shutil.rmtree(folder)


def stopped(programs: Binaries | None) -> Iterator[Path]:
    """A home whose cluster holds one committed row, stopped cleanly."""
    if programs is None:
        pytest.skip("no such PostgreSQL on this machine")
    folder = Path(tempfile.mkdtemp(prefix="pinakes-cold-"))
    folder.chmod(0o711)
    server = Server(folder / "home", programs=programs)
    with Catalog(make_engine(server.start())) as catalog, catalog.begin() as conn:
        conn.execute(text("create table kept as select 42 as answer"))
    assert server.stop()
    yield folder / "home"
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def stopped_embedded() -> Iterator[Path]:
    yield from stopped(next((b for b in installed() if WHEEL in b.folder.parts), None))


@pytest.fixture(scope="module")
def stopped_system() -> Iterator[Path]:
    yield from stopped(next((b for b in installed() if WHEEL not in b.folder.parts), None))


def copied(home: Path, room: Path) -> Server:
    subprocess.run(["cp", "-a", home, room / "home"], check=True)
    return Server(room / "home")


@pytest.fixture
def server(stopped_embedded: Path, room: Path) -> Server:
    """A stopped server of its own: a copy of that home."""
    return copied(stopped_embedded, room)


@pytest.fixture(params=["embedded", "system"])
def either_server(request: pytest.FixtureRequest, room: Path) -> Server:
    """The same with both PostgreSQL versions."""
    return copied(request.getfixturevalue(f"stopped_{request.param}"), room)


def the_cluster(server: Server) -> Path:
    found = cluster.find(server.home)
    assert found
    return found.folder


def postmaster_pid(server: Server) -> int:
    found = processes.postmaster(the_cluster(server))
    assert found
    return found.pid


def answer(server: Server) -> int:
    with Catalog(make_engine(server.start())) as catalog, catalog.read() as conn:
        return int(conn.execute(text("select answer from kept")).scalar_one())


def test_a_new_cluster_is_private_and_its_server_outlives_the_command(room: Path) -> None:
    code = "import sys, pathlib, archive.catalog.embedded as e; e.Server(pathlib.Path(sys.argv[1])).start()"
    environment = {**os.environ, "LANG": "xx_YY.UTF-8", "LC_ALL": "xx_YY.UTF-8"}  # installed nowhere
    subprocess.run([sys.executable, "-c", code, room / "home"], check=True, env=environment)
    server = Server(room / "home")
    url = server.url()
    assert url is not None
    with Catalog(make_engine(url)) as catalog, catalog.read() as conn:
        facts = conn.execute(
            text(
                "select current_setting('fsync'), current_setting('jit'), current_setting('max_wal_size'), "
                "current_setting('random_page_cost'), current_setting('listen_addresses'), "
                "current_setting('server_encoding'), current_setting('TimeZone')"
            )
        ).one()
        assert tuple(facts) == ("on", "off", "4GB", "1.1", "", "UTF8", "UTC")
        order = conn.execute(text("select string_agg(x, '' order by x) from unnest(array['b','B','a','A']) x")).scalar()
        assert order == "ABab"
    assert the_cluster(server).stat().st_mode & 0o777 == 0o700
    assert server.status()["state"] == "up"
    assert server.stop()
    assert server.status()["state"] == "down"
    assert not server.stop()


def test_four_racing_first_starters_share_one_server(room: Path) -> None:
    code = (
        "import sys, pathlib; from archive.catalog.embedded import Server, cluster;"
        "from archive.catalog import processes;"
        "s = Server(pathlib.Path(sys.argv[1])); s.start();"
        "print(processes.postmaster(cluster.find(s.home).folder).pid)"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code, room / "home"], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    pids = {process.communicate(timeout=120)[0].strip() for process in started}
    assert len(pids) == 1
    assert pids.pop().isdecimal()


def test_a_copied_home_works_where_it_is_now(either_server: Server) -> None:
    server = either_server
    assert answer(server) == 42


def test_a_moved_home_works_where_it_is_now(server: Server) -> None:
    assert answer(server) == 42
    server.stop()
    moved = server.home.with_name("moved home")
    server.home.rename(moved)
    assert answer(Server(moved)) == 42


def test_a_killed_server_recovers_with_everything_committed(either_server: Server) -> None:
    server = either_server
    with Catalog(make_engine(server.start())) as catalog:
        with catalog.begin() as conn:
            conn.execute(text("create table loaded as select generate_series(1, 50000) as n"))
        os.kill(postmaster_pid(server), signal.SIGKILL)
    with Catalog(make_engine(server.start())) as catalog, catalog.read() as conn:
        assert conn.execute(text("select count(*) from loaded")).scalar() == 50000


def test_a_client_killed_in_mid_transaction_leaves_a_good_server(server: Server) -> None:
    url = server.start()
    code = (
        "import psycopg2, sys, time; c = psycopg2.connect(sys.argv[1]).cursor();"
        "c.execute('update kept set answer = 1');"
        "print('ready', flush=True); time.sleep(60)"
    )
    dsn = url.set(drivername="postgresql").render_as_string(hide_password=False)
    client = subprocess.Popen([sys.executable, "-c", code, dsn], stdout=subprocess.PIPE)
    assert client.stdout
    client.stdout.readline()
    client.kill()
    client.wait()
    client.stdout.close()
    before = postmaster_pid(server)
    assert answer(server) == 42
    assert postmaster_pid(server) == before


def run_as_server(server: Server) -> dict[str, object]:
    folder = the_cluster(server).stat()
    return accounts.server_account("", folder.st_uid, server.home).run_as


def test_a_pid_file_that_names_somebody_elses_process_does_not_matter(server: Server) -> None:
    folder = the_cluster(server)
    other = subprocess.Popen(["sleep", "60"], **run_as_server(server))  # type: ignore[call-overload]
    try:
        (folder / "postmaster.pid").write_text(f"{other.pid}\n{folder}\n1700000000\n5432\n{folder}\n\n  1 2\n")
        (folder / f"{SOCKET}.lock").write_text(f"{other.pid}\n")
        assert answer(server) == 42
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


@pytest.mark.parametrize("content", ["", "12"])
def test_a_truncated_pid_file_does_not_matter(server: Server, content: str) -> None:
    (the_cluster(server) / "postmaster.pid").write_text(content)
    assert answer(server) == 42


def test_a_zombie_postmaster_counts_as_dead(either_server: Server) -> None:
    server = either_server
    folder = the_cluster(server)
    major = int((folder / "PG_VERSION").read_text())
    command = [binaries.choose(major)["postgres"], "-D", folder, "-k", folder, "-h", ""]
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/"}
    child = subprocess.Popen(command, **silent, **run_as_server(server))  # type: ignore[call-overload]
    assert processes.wait_for(lambda: server.status()["state"] == "up", 20)
    child.kill()  # and not waited for: it stays in the process table
    try:
        assert answer(server) == 42
        assert postmaster_pid(server) != child.pid
    finally:
        child.wait()


def test_a_server_whose_socket_was_removed_is_replaced(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archive.catalog.embedded.PATIENCE", 0.3)
    server.start()
    before = postmaster_pid(server)
    (the_cluster(server) / SOCKET).unlink()
    assert answer(server) == 42
    assert postmaster_pid(server) != before


def test_a_long_home_gets_a_short_private_socket_folder(server: Server) -> None:
    long = server.home.with_name("a" * 120)
    server.home.rename(long)
    far = Server(long)
    assert answer(far) == 42
    found = cluster.find(long)
    assert found
    assert found.socket_folder != found.folder
    assert found.socket_folder.stat().st_mode & 0o777 == 0o700
    far.stop()
    found.socket_folder.rmdir()


def test_a_socket_folder_that_is_not_ours_is_refused(server: Server) -> None:
    long = server.home.with_name("b" * 120)
    server.home.rename(long)
    found = cluster.find(long)
    assert found
    found.socket_folder.mkdir(mode=0o777)
    found.socket_folder.chmod(0o777)
    try:
        with pytest.raises(DatabaseUnavailable, match="is not private"):
            Server(long).start()
    finally:
        found.socket_folder.rmdir()


def test_an_initdb_cut_short_leaves_nothing_in_the_way(room: Path) -> None:
    leftover = room / "home" / "database" / "new-0badc0de"
    leftover.mkdir(parents=True)
    (leftover / "PG_VERSION").write_text("18")
    (room / "home" / "database").chmod(0o711)
    server = Server(room / "home")
    server.start()
    assert not leftover.exists()
    server.stop()


def test_a_start_that_fails_says_why(server: Server) -> None:
    with (the_cluster(server) / "postgresql.conf").open("a") as stream:
        stream.write("\nmax_connections = many\n")
    with pytest.raises(DatabaseUnavailable, match="The database server did not start: "):
        server.start()


def test_without_any_postgresql_the_error_names_both_ways_out(room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "installed", lambda: ())
    with pytest.raises(DatabaseUnavailable) as caught:
        Server(room / "home").start()
    assert "pip install 'pinakes[embedded]'" in str(caught.value)
    assert "database.url" in str(caught.value)


def test_a_cluster_of_another_major_version_names_what_is_missing(room: Path) -> None:
    folder = room / "home" / "database" / "pg99"
    folder.mkdir(parents=True)
    (folder / "PG_VERSION").write_text("99\n")
    if ROOT:
        os.chown(folder, 65534, 65534)
        (room / "home" / "database").chmod(0o711)
        (room / "home").chmod(0o755)
        folder.chmod(0o700)
    with pytest.raises(DatabaseUnavailable, match="PostgreSQL 99"):
        Server(room / "home").start()


def test_status_of_a_home_without_a_cluster_starts_nothing(room: Path) -> None:
    server = Server(room / "home")
    assert server.status()["state"] == "absent"
    assert server.url() is None
    assert not server.stop()
    assert cluster.find(room / "home") is None


@as_root
def test_root_reaches_the_socket_and_others_do_not(server: Server) -> None:
    assert answer(server) == 42
    folder = the_cluster(server)
    assert folder.stat().st_uid != 0
    command = [binaries.client("psql"), "-h", folder, "-U", "pinakes", "-c", "select 1", "pinakes"]
    stranger = {"user": 12345, "group": 12345, "extra_groups": []}
    refused = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False, **stranger)  # type: ignore[call-overload]
    assert "Permission denied" in refused.stderr


@as_root
def test_below_a_closed_folder_the_cluster_lies_in_the_system_state(
    room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "STATE_ROOT", room / "state")
    closed = room / "closed"
    closed.mkdir(mode=0o700)
    home = closed / "home"
    before = {path: (path.stat().st_mode, path.stat().st_uid) for path in (room, closed)}
    server = Server(home)
    server.start()
    record = json.loads((home / "database" / "location.json").read_text())
    assert Path(record["folder"]).parent == room / "state"
    assert (Path(record["folder"]) / "home").read_text() == f"{home}\n"
    assert server.status()["state"] == "up"
    assert before == {path: (path.stat().st_mode, path.stat().st_uid) for path in (room, closed)}
    duplicate = closed / "copy"
    shutil.copytree(home, duplicate)
    with pytest.raises(DatabaseUnavailable, match="is a copy of"):
        Server(duplicate).start()
    home.rename(closed / "moved")
    shutil.rmtree(duplicate)
    assert Server(closed / "moved").status()["state"] == "up"
    Server(closed / "moved").stop()


@as_root
def test_programs_that_the_account_cannot_reach_are_copied(room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = next((b for b in installed() if WHEEL in b.folder.parts), None)
    if wheel is None:
        pytest.skip("the extra embedded is not installed")
    closed = room / "closed"
    closed.mkdir(mode=0o700)
    package = wheel.folder.parents[1]
    for source in (package, package.with_name(f"{WHEEL}.libs")):
        subprocess.run(["cp", "-a", source, closed / source.name], check=True)
    hidden = Binaries(closed / WHEEL / wheel.folder.parent.name / "bin", wheel.major)
    monkeypatch.setattr(binaries, "installed", lambda: (hidden,))
    monkeypatch.setattr(cluster, "STATE_ROOT", room / "state")
    server = Server(room / "home")
    server.start()
    assert (room / "state" / "programs").is_dir()
    assert closed.stat().st_mode & 0o777 == 0o700
    server.stop()
    server.start()  # the copy is used again
    assert len(list((room / "state" / "programs").iterdir())) == 1
    server.stop()


@as_root
def test_a_cluster_copied_by_root_without_owners_still_works(server: Server) -> None:
    folder = the_cluster(server)
    subprocess.run(["chown", "-R", "0:0", folder], check=True)
    subprocess.run(["chmod", "755", folder], check=True)
    assert answer(server) == 42
    assert folder.stat().st_uid != 0


NOBODY = {"user": 65534, "group": 65534, "extra_groups": []}


def ordinary_python() -> tuple[str, dict[str, str]]:
    """An interpreter that an ordinary user can start, with what ours can import; skips when there is none."""
    environment = {"PATH": os.defpath, "PYTHONPATH": os.pathsep.join([str(Path.cwd()), *filter(None, sys.path)])}
    for python in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        probe = [python, "-c", "import archive.catalog.embedded"]
        try:
            done = subprocess.run(probe, cwd="/", check=False, capture_output=True, env=environment, **NOBODY)  # type: ignore[call-overload]
        except OSError:
            continue
        if done.returncode == 0:
            return python, environment
    pytest.skip("an ordinary user cannot read this checkout or its environment")


@as_root
def test_an_ordinary_user_runs_it_as_himself(room: Path) -> None:
    python, environment = ordinary_python()
    home = room / "his"
    home.mkdir()
    os.chown(home, 65534, 65534)
    code = (
        "import sys, pathlib; from archive.catalog.embedded import Server; s = Server(pathlib.Path(sys.argv[1]));"
        "s.start(); print(s.status()['state'])"
    )
    command = [python, "-c", code, str(home)]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", check=True, env=environment, **NOBODY)  # type: ignore[call-overload]
    assert done.stdout.strip() == "up"
    server = Server(home)
    server.start()  # root shares it
    pid = postmaster_pid(server)
    assert Path(f"/proc/{pid}").stat().st_uid == 65534
    with closing(psycopg2.connect(host=str(the_cluster(server)), user="pinakes", dbname="pinakes")):
        pass
    server.stop()


@as_root
def test_run_as_must_be_an_ordinary_account(room: Path) -> None:
    for name, complaint in (("root", "is root"), ("no-such-account", "no account")):
        with pytest.raises(DatabaseUnavailable, match=complaint):
            Server(room / "home", run_as=name).start()


def test_orphaned_children_of_a_killed_server_are_ended(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archive.catalog.embedded.PATIENCE", 0.3)
    url = server.start()
    with closing(psycopg2.connect(url.set(drivername="postgresql").render_as_string(hide_password=False))) as busy:
        # A computation that never looks up: it does not notice that its server is gone.
        busy_pid = busy.info.backend_pid
        code = "select count(*) from generate_series(1, 100000000) a"
        sender = subprocess.Popen(
            [sys.executable, "-c", "import psycopg2, sys; psycopg2.connect(sys.argv[1]).cursor().execute(sys.argv[2])",
             url.set(drivername="postgresql").render_as_string(hide_password=False), code],
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(0.5)
        os.kill(postmaster_pid(server), signal.SIGKILL)
        assert answer(server) == 42
        assert busy_pid not in {process.pid for process in processes.of_cluster(the_cluster(server))}
        sender.wait()
