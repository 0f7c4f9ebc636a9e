"""Stop cleanly: SIGTERM is treated like Ctrl-C, so that claims are given back and staging is removed."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stopping() -> Iterator[None]:
    """Raise `KeyboardInterrupt` in the main thread on SIGTERM for the time of the block."""

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
