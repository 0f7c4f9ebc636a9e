"""The log is one line per event, in UTC, whatever a file is called."""

from __future__ import annotations

import logging
import re
from pathlib import Path

from archive import log


def test_a_hostile_name_cannot_break_the_line(tmp_path: Path) -> None:
    path = log.to_file(tmp_path, "ingest")
    try:
        log.get("ingest").info("took %s", "a\nb\x1b[31m")
    finally:
        logger = logging.getLogger(log.LOGGER)
        for handler in list(logger.handlers):
            handler.close()
            logger.removeHandler(handler)
        logger.propagate = True
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO \d+ pinakes\.ingest: took a\\nb\\x1b\[31m", lines[0])
