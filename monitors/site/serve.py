"""A small server for the pages, for looking at them from another machine through a tunnel; nothing but the site."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from archive.errors import NotFound, UsageError
from archive.log import get

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
}


class Handler(SimpleHTTPRequestHandler):
    """Serves the files of the site; no listings, no hidden files, nothing that a link leads out of the folder."""

    extensions_map = TYPES
    server_version = "pinakes"
    sys_version = ""

    def send_head(self) -> Any:
        """Answer GET and HEAD, after looking where the path leads."""
        root = Path(self.directory).resolve()
        asked = self.translate_path(self.path)
        path = Path(asked.replace("\0", "")).resolve()
        inside = (
            "\0" not in asked
            and path.is_relative_to(root)
            and not any(part.startswith(".") for part in path.relative_to(root).parts)
        )
        if not inside or not path.exists():
            self.send_error(HTTPStatus.NOT_FOUND)
            return None
        return super().send_head()

    def list_directory(self, path: Any) -> None:
        """Refuse: a folder without an index page is not for looking at."""
        del path
        self.send_error(HTTPStatus.NOT_FOUND)

    def end_headers(self) -> None:
        """Ask browsers to look whether a page has changed, and not to guess types."""
        self.send_header("Cache-Control", "no-cache")
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Log requests as the rest of Pinakes logs."""
        get("site").debug(format, *args)


class Server(ThreadingHTTPServer):
    """One thread a request; a stop does not wait for slow readers."""

    daemon_threads = True
    allow_reuse_address = True


def make_server(site: Path, host: str, port: int) -> Server:
    """Return a server for the site that listens already; port 0 takes any free port.

    Raises
    ------
    NotFound
        When there is no site yet.
    UsageError
        When the address cannot be used.
    """
    if not (site / "index.html").is_file():
        raise NotFound(f"There are no pages at {site}; make them with `pinakes site build`.")
    try:
        return Server((host, port), partial(Handler, directory=str(site)))
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"Cannot listen on {host}, port {port} ({reason}); choose another with --port.") from None
