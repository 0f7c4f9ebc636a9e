"""Tell people: by mail, by a webhook, by a command of theirs.

Notices are rows of an outbox (``ops.notice``), written in the transaction of the change they tell of. They are sent
afterwards, each attempt within a time limit, and tried again later: no run waits for a mail server or fails with it.
No message, log line or row ever holds a password or the address of a webhook.
"""

from __future__ import annotations

import json
import os
import smtplib
import ssl
import subprocess
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError

from archive import log
from archive.catalog import Catalog, outbox
from archive.config import Notify, Settings
from archive.errors import ArchiveError, SettingsError

if TYPE_CHECKING:
    from sqlalchemy import Connection

CHANNELS = ("email", "webhook", "command")

#: Waiting time after the first failed attempt; doubles with each one, up to the second value.
RETRY, RETRY_MAX = timedelta(minutes=1), timedelta(hours=6)

_log = log.get("notify")


class NotSentError(ArchiveError):
    """A notice could not be sent; the message holds no secret."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What is told: a kind (down, recovery, flapping, test), the monitor, one line, the text, and when it happened."""

    kind: str
    monitor: str
    subject: str
    body: str
    at: datetime


def channels(settings: Notify) -> list[str]:
    """Return the channels that are set up."""
    webhook = bool(settings.webhook_url.get_secret_value() or settings.webhook_url_file)
    ready = {"email": bool(settings.email_to), "webhook": webhook, "command": bool(settings.command)}
    return [channel for channel in CHANNELS if ready[channel]]


def queue(
    conn: Connection, settings: Notify, monitor_id: int | None, notice: Notice, wanted: Sequence[str] | None
) -> int:
    """Write a notice into the outbox, once a channel; the same occasion is never told twice.

    Parameters
    ----------
    conn
        Connection in the transaction of what the notice tells of.
    settings
        Which channels are set up.
    monitor_id
        The monitor; None for a test.
    notice
        What to tell.
    wanted
        Channels the monitor wants; None: all that are set up.

    Returns
    -------
    int
        Number of rows written.
    """
    chosen = [channel for channel in channels(settings) if wanted is None or channel in wanted]
    return outbox.put(
        conn,
        [
            {
                "monitor_id": monitor_id, "kind": notice.kind, "channel": channel, "subject": notice.subject,
                "body": notice.body, "next_try": notice.at,
                "dedupe": f"{notice.monitor} {notice.kind} {notice.at.isoformat()} {channel}",
            }
            for channel in chosen
        ],
    )  # fmt: skip


def deliver(settings: Settings, *, seconds: float = 60.0, now: datetime | None = None) -> dict[str, int]:
    """Send what is due in the outbox; returns the number of notices sent, put off and given up.

    Never raises for what a channel does. Each notice is claimed first, so that two processes do not send it twice; one
    whose sender died is sent again.

    Parameters
    ----------
    settings
        The settings of the archive.
    seconds
        No new attempt is begun after so long.
    now
        The time; None: now.
    """
    counts = {"sent": 0, "put off": 0, "given up": 0}
    notify, begun = settings.notify, datetime.now(UTC)
    with Catalog.connect(settings, check=False) as catalog:
        while datetime.now(UTC) - begun < timedelta(seconds=seconds):
            at = now or datetime.now(UTC)
            with catalog.begin() as conn:
                row = outbox.claim(conn, at, lease=timedelta(seconds=3 * notify.timeout + 30))
            if row is None:
                break
            outcome, error = _attempt(notify, row)
            if outcome == "put off" and row.attempts >= notify.max_attempts:
                outcome = "given up"
            later = at + min(RETRY * 2 ** (row.attempts - 1), RETRY_MAX)
            with catalog.begin() as conn:
                outbox.settle(conn, row.id, outcome, at, later, error)
            counts[outcome] += 1
    return counts


def _attempt(settings: Notify, row: Any) -> tuple[str, str | None]:
    notice = Notice(row.kind, row.monitor or "", row.subject, row.body, row.created_at)
    try:
        send(settings, row.channel, notice)
    except NotSentError as error:
        _log.warning("notice %d (%s) was not sent: %s", row.id, row.channel, error)
        return "put off", str(error)
    return "sent", None


def send(settings: Notify, channel: str, notice: Notice) -> None:
    """Send one notice now.

    Raises
    ------
    NotSentError
        When that did not work; the message says why and holds no secret.
    """
    senders: Mapping[str, Callable[[Notify, Notice], None]] = {
        "email": send_mail,
        "webhook": send_webhook,
        "command": run_command,
    }
    if channel not in channels(settings):
        raise NotSentError(f"The channel {channel} is no longer set up in [notify].")
    try:
        senders[channel](settings, notice)
    except SettingsError as error:
        raise NotSentError(str(error)) from None


def send_mail(settings: Notify, notice: Notice) -> None:
    """Send a notice by SMTP, with STARTTLS or TLS and a login when the settings say so."""
    message = EmailMessage()
    message["From"] = settings.email_from
    message["To"] = ", ".join(settings.email_to)
    message["Subject"] = " ".join(notice.subject.split())
    message["Date"] = format_datetime(notice.at)
    message["Message-ID"] = make_msgid(domain="pinakes")
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(notice.body)
    where = f"{settings.smtp_host}:{settings.smtp_port}"
    try:
        context = ssl.create_default_context() if settings.smtp_security != "none" else None
        server: smtplib.SMTP = (
            smtplib.SMTP_SSL(settings.smtp_host, settings.smtp_port, timeout=settings.timeout, context=context)
            if settings.smtp_security == "tls"
            else smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=settings.timeout)
        )
        with server:
            if settings.smtp_security == "starttls":
                server.starttls(context=context)
            if settings.smtp_user:
                server.login(settings.smtp_user, secret(settings.smtp_password_file, "smtp_password_file"))
            server.send_message(message)
    except smtplib.SMTPResponseException as error:
        raise NotSentError(f"The mail server {where} answered {error.smtp_code}.") from None
    except smtplib.SMTPRecipientsRefused as error:
        codes = ", ".join(str(code) for code in sorted({code for code, _ in error.recipients.values()}))
        raise NotSentError(f"The mail server {where} refused every recipient ({codes}).") from None
    except (OSError, smtplib.SMTPException) as error:
        raise NotSentError(f"The mail server {where} did not take the mail: {_why(error)}.") from None


def send_webhook(settings: Notify, notice: Notice) -> None:
    """Post a notice as JSON: kind, monitor, subject, text, time."""
    url = settings.webhook_url.get_secret_value() or secret(settings.webhook_url_file, "webhook_url_file")
    log.hide(url)
    if not url.startswith(("https://", "http://")):
        raise NotSentError("The webhook address in [notify] does not begin with https:// or http://.")
    told = {"kind": notice.kind, "monitor": notice.monitor, "subject": notice.subject, "text": notice.body}
    body = json.dumps({**told, "time": notice.at.isoformat()}).encode()
    try:
        request = urllib.request.Request(  # noqa: S310 - the scheme is checked above
            url, data=body, headers={"Content-Type": "application/json", "User-Agent": "pinakes"}, method="POST"
        )
        opener = urllib.request.build_opener(_NoRedirect)
        with opener.open(request, timeout=settings.timeout) as answer:
            answer.read(65536)
    except HTTPError as error:
        with error:
            raise NotSentError(f"The webhook answered {error.code}.") from None
    except (OSError, ValueError) as error:
        raise NotSentError(f"The webhook did not take the notice: {_why(error, url)}.") from None


def run_command(settings: Notify, notice: Notice) -> None:
    """Run a command with the text on its standard input and kind, monitor and subject in its environment."""
    told = {"PINAKES_NOTICE_KIND": notice.kind, "PINAKES_NOTICE_MONITOR": notice.monitor}
    told["PINAKES_NOTICE_SUBJECT"] = notice.subject.replace("\0", "")
    try:
        done = subprocess.run(  # noqa: S603 - running what the operator named is the purpose
            settings.command, input=notice.body.encode(), env={**os.environ, **told}, timeout=settings.timeout,
            capture_output=True, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise NotSentError(f"The command {settings.command[0]} took longer than {settings.timeout:g} s.") from None
    except OSError as error:
        raise NotSentError(f"The command {settings.command[0]} cannot be run: {error.strerror}.") from None
    if done.returncode:
        raise NotSentError(f"The command {settings.command[0]} ended with exit code {done.returncode}.")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A webhook that moves is an error: its address is a secret and is not carried elsewhere."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def secret(path: Path | None, setting: str) -> str:
    """Return the first line of a file that holds a secret.

    Raises
    ------
    SettingsError
        When it cannot be read.
    """
    if path is None:
        raise SettingsError(f"The setting notify.{setting} is needed and not given.")
    try:
        with path.open(encoding="utf-8") as stream:
            text = stream.readline().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SettingsError(f"The file {path} (notify.{setting}) cannot be read: {why}.") from None
    log.hide(text)
    return text


def _why(error: Exception, hide: str = "") -> str:
    """Return the reason of an error in one line, without what must not be shown."""
    inner = error.reason if isinstance(error, URLError) and isinstance(error.reason, Exception) else error
    text = (inner.strerror if isinstance(inner, OSError) and inner.strerror else str(inner)) or type(inner).__name__
    return " ".join((text.replace(hide, "(the address)") if hide else text).split())
