"""Raw files into the archive: recognised, decoded, placed and cataloged, each one whole or not at all."""

from archive.ingest.report import FileReport, Report
from archive.ingest.session import Session, ingest

__all__ = ["FileReport", "Report", "Session", "ingest"]
