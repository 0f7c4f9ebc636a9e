"""Notices reach people, or wait; nothing waits for them, and no secret leaves with them."""

from __future__ import annotations

import json
import logging
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from pydantic import SecretStr
from sqlalchemy import select, update

from archive.catalog import Catalog
from archive.catalog.schema.monitors import notice
from archive.cli import cli
from archive.config import Notify, Settings
from monitors.notify import Notice, NotSentError, channels, deliver, queue, send
from tests.monitors.conftest import add_settings, one, rows

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
TOLD = Notice("down", "backlog", "[pinakes] backlog is down: <b>\r\nBcc: x@y", "Why.\n\nÄ and <script>", NOW)


class Mail(socketserver.StreamRequestHandler):
    """A small SMTP server: takes every mail, or refuses, or says nothing."""

    def handle(self) -> None:
        server: Any = self.server
        if server.mode == "silent":
            time.sleep(server.patience)
            return
        self.say("220 here")
        while line := self.rfile.readline():
            verb = line[:4].upper().strip()
            server.seen.append(line.decode().strip())
            if verb == b"EHLO":
                self.say("250-here", "250-STARTTLS", "250 AUTH PLAIN")
            elif verb == b"AUTH":
                self.say("235 ok" if server.mode != "no login" else "535 secret-word is wrong")
            elif verb == b"RCPT" and server.mode == "refuses":
                self.say("550 no such user secret-word")
            elif verb == b"DATA":
                self.say("354 go on")
                text = b""
                while (part := self.rfile.readline()) != b".\r\n":
                    text += part
                server.mails.append(message_from_bytes(text))
                self.say("250 taken")
            elif verb == b"QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 ok")

    def say(self, *lines: str) -> None:
        self.wfile.write("".join(line + "\r\n" for line in lines).encode())


class Hook(BaseHTTPRequestHandler):
    """Takes every post, or refuses, or redirects, or says nothing."""

    def do_POST(self) -> None:
        server: Any = self.server
        server.posts.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
        if server.mode == "silent":
            time.sleep(server.patience)
        self.send_response({"refuses": 503, "moves": 302}.get(server.mode, 200))
        if server.mode == "moves":
            self.send_header("Location", "http://127.0.0.1:1/stolen")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(server: Any, mode: str = "") -> Iterator[Any]:
    server.mode, server.mails, server.seen, server.posts, server.patience = mode, [], [], [], 1.5
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def mail(mode: str = "") -> Any:
    return served(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mail), mode)


def hook(mode: str = "") -> Any:
    return served(ThreadingHTTPServer(("127.0.0.1", 0), Hook), mode)


def by_mail(server: Any, **values: Any) -> Notify:
    port = server.server_address[1]
    return Notify(
        email_to=["ops@example.org", "b@example.org"], smtp_host="127.0.0.1", smtp_port=port, timeout=0.5, **values
    )


def by_hook(server: Any) -> Notify:
    return Notify(webhook_url=SecretStr(f"http://127.0.0.1:{server.server_address[1]}/secret-word"), timeout=0.5)


def test_a_mail_arrives_whole_and_its_subject_stays_one_line() -> None:
    with mail() as server:
        send(by_mail(server), "email", TOLD)
    message: Message = server.mails[0]
    assert message["Subject"] == "[pinakes] backlog is down: <b> Bcc: x@y"
    assert message["Bcc"] is None
    assert message["To"] == "ops@example.org, b@example.org"
    payload = message.get_payload(decode=True)
    assert isinstance(payload, bytes)
    assert payload.decode().replace("\r\n", "\n") == "Why.\n\nÄ and <script>\n"
    assert sum(line.startswith("rcpt") for line in map(str.lower, server.seen)) == 2


def test_the_password_comes_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret-word\nnot this\n", encoding="utf-8")
    with mail() as server:
        send(by_mail(server, smtp_user="me", smtp_password_file=tmp_path / "password"), "email", TOLD)
    assert len(server.mails) == 1
    assert any(line.startswith("AUTH PLAIN") for line in server.seen)


@pytest.mark.parametrize("mode", ["refuses", "silent", "no login"])
def test_a_mail_that_is_not_taken_says_why_without_secrets(mode: str, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret-word", encoding="utf-8")
    login = {"smtp_user": "me", "smtp_password_file": tmp_path / "password"} if mode == "no login" else {}
    began = time.monotonic()
    with mail(mode) as server, pytest.raises(NotSentError) as caught:
        send(by_mail(server, **login), "email", TOLD)
    assert time.monotonic() - began < 5
    assert "secret-word" not in str(caught.value)
    assert "127.0.0.1" in str(caught.value)


def test_starttls_is_asked_for_and_not_done_without() -> None:
    with mail() as server, pytest.raises(NotSentError):
        send(by_mail(server, smtp_security="starttls"), "email", TOLD)
    assert "STARTTLS" in server.seen
    assert not server.mails


def test_a_webhook_gets_json() -> None:
    with hook() as server:
        send(by_hook(server), "webhook", TOLD)
    path, body = server.posts[0]
    assert path == "/secret-word"
    assert body == {"kind": "down", "monitor": "backlog", "subject": TOLD.subject, "text": TOLD.body,
                    "time": "2026-06-01T12:00:00+00:00"}  # fmt: skip


@pytest.mark.parametrize("mode", ["refuses", "silent", "moves"])
def test_a_webhook_that_does_not_take_it_says_why_without_its_address(mode: str) -> None:
    with hook(mode) as server, pytest.raises(NotSentError) as caught:
        send(by_hook(server), "webhook", TOLD)
    assert "secret-word" not in str(caught.value)


def test_no_server_at_all_is_one_sentence() -> None:
    for settings, channel in (
        (Notify(email_to=["a@b"], smtp_host="127.0.0.1", smtp_port=1), "email"),
        (Notify(webhook_url=SecretStr("http://127.0.0.1:1/secret-word")), "webhook"),
        (Notify(webhook_url=SecretStr("file:///etc/passwd")), "webhook"),
        (Notify(webhook_url_file=Path("/no/such/file")), "webhook"),
        (Notify(command=["/no/such/program"]), "command"),
        (Notify(command=["false"]), "command"),
        (Notify(command=["sleep", "5"], timeout=0.2), "command"),
        (Notify(), "email"),
    ):
        with pytest.raises(NotSentError) as caught:
            send(settings, channel, TOLD)
        assert "secret-word" not in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_command_gets_the_text_and_the_facts(tmp_path: Path) -> None:
    script = f'(echo "$PINAKES_NOTICE_KIND $PINAKES_NOTICE_MONITOR"; cat) > {tmp_path}/out'
    send(Notify(command=["sh", "-c", script]), "command", TOLD)
    assert (tmp_path / "out").read_text(encoding="utf-8") == "down backlog\n" + TOLD.body


def test_channels_are_those_with_an_address() -> None:
    assert channels(Notify()) == []
    assert channels(Notify(email_to=["a@b"], command=["x"])) == ["email", "command"]


def put(catalog: Catalog, settings: Settings, wanted: list[str] | None = None) -> int:
    with catalog.begin() as conn:
        return queue(conn, settings.notify, None, TOLD, wanted)


def test_the_outbox_sends_once_and_tells_one_occasion_once(
    catalog_one: Catalog, settings: Settings, tmp_path: Path
) -> None:
    out = tmp_path / "told"
    settings = add_settings(settings.home, f"[notify]\ncommand = ['sh', '-c', 'cat >> {out}']\n")
    assert [put(catalog_one, settings), put(catalog_one, settings)] == [1, 0]
    assert deliver(settings) == {"sent": 1, "put off": 0, "given up": 0}
    assert deliver(settings) == {"sent": 0, "put off": 0, "given up": 0}
    assert out.read_text(encoding="utf-8") == TOLD.body
    assert one(catalog_one, select(notice.c.state, notice.c.attempts)) == ("sent", 1)


def test_what_cannot_be_sent_is_tried_later_and_later_and_then_given_up(
    catalog_one: Catalog, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    text = '[notify]\nwebhook_url = "http://127.0.0.1:1/secret-word"\nmax_attempts = 3\n'
    settings = add_settings(settings.home, text)
    put(catalog_one, settings)
    waits, now = [], NOW
    with caplog.at_level(logging.WARNING):
        for outcome in ("put off", "put off", "given up"):
            assert deliver(settings, now=now)[outcome] == 1
            row = one(catalog_one, select(notice))
            waits.append(row.next_try - now)
            assert deliver(settings, now=row.next_try - timedelta(seconds=1)) == {
                "sent": 0,
                "put off": 0,
                "given up": 0,
            }
            now = row.next_try
    assert waits[:2] == [timedelta(minutes=1), timedelta(minutes=2)]
    assert (row.state, row.attempts) == ("failed", 3)
    assert "secret-word" not in caplog.text
    assert "secret-word" not in str(row)


def test_two_senders_do_not_send_it_twice(catalog_one: Catalog, settings: Settings, tmp_path: Path) -> None:
    out = tmp_path / "told"
    settings = add_settings(settings.home, f"[notify]\ncommand = ['sh', '-c', 'echo x >> {out}; sleep 0.2']\n")
    put(catalog_one, settings)
    threads = [threading.Thread(target=deliver, args=(settings,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert out.read_text(encoding="utf-8") == "x\n"


def test_a_notice_whose_sender_died_is_sent_again(catalog_one: Catalog, settings: Settings) -> None:
    settings = add_settings(settings.home, '[notify]\ncommand = ["true"]\n')
    put(catalog_one, settings)
    with catalog_one.begin() as conn:  # claimed, and then nothing
        conn.execute(update(notice).values(attempts=1, next_try=NOW + timedelta(minutes=1)))
    assert deliver(settings, now=NOW + timedelta(seconds=59))["sent"] == 0
    assert deliver(settings, now=NOW + timedelta(seconds=61))["sent"] == 1


def test_the_monitor_chooses_among_the_channels(catalog_one: Catalog, settings: Settings) -> None:
    settings = add_settings(settings.home, '[notify]\ncommand = ["true"]\nemail_to = ["a@b"]\n')
    assert put(catalog_one, settings, wanted=["email"]) == 1
    assert one(catalog_one, select(notice.c.channel))[0] == "email"
    assert put(catalog_one, settings, wanted=[]) == 0
    assert len(rows(catalog_one, select(notice))) == 1


def test_a_test_notice_goes_out_at_once(settings: Settings, tmp_path: Path) -> None:
    add_settings(
        settings.home, f"[notify]\ncommand = ['sh', '-c', 'cat > {tmp_path}/test']\nemail_to = ['a@b']\nsmtp_port = 1\n"
    )
    done = CliRunner().invoke(cli, ["--home", str(settings.home), "monitor", "notify-test"], standalone_mode=False)
    assert done.return_value == 1
    assert "command: sent" in done.output
    assert "email: The mail server localhost:1 did not take the mail" in done.output
    assert "they reach you" in (tmp_path / "test").read_text(encoding="utf-8")
