"""Signs of life: a thread renews the lease of a claim while its work goes on."""

from __future__ import annotations

import threading
from types import TracebackType

from sqlalchemy.exc import SQLAlchemyError

from archive import log
from archive.catalog import Catalog
from archive.errors import ArchiveError, LeaseLost
from archive.jobs import ledger

_log = log.get("jobs")


class Heartbeat:
    """Renew a claim three times per lease until the block ends.

    A job that is done within a third of its lease never opens the connection. When the claim is lost, `check` raises;
    the fence in the catalog stands even if nobody asks.
    """

    def __init__(self, catalog: Catalog, claim: ledger.Claim) -> None:
        self._catalog = catalog
        self._claim = claim
        self._end = threading.Event()
        self._lost = False
        self._thread = threading.Thread(target=self._beat, name=f"lease-{claim.job_id}", daemon=True)

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join()

    def check(self) -> None:
        """Raise `LeaseLost` when another worker took over."""
        if self._lost:
            raise LeaseLost(f"Job {self._claim.job_id} was taken over by another worker; its result counts.")

    def _beat(self) -> None:
        while not self._end.wait(self._claim.lease / 3):
            try:
                with self._catalog.begin() as conn:
                    self._lost = not ledger.renew(conn, self._claim)
            except (ArchiveError, SQLAlchemyError) as error:
                _log.warning("lease of job %d not renewed, next try soon: %s", self._claim.job_id, error)
            if self._lost:
                _log.warning("lease of job %d lost", self._claim.job_id)
                return
