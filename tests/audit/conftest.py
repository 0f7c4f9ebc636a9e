"""The toy archive, for tests that damage."""

from tests.ingest.conftest import archive, toy_door

__all__ = ["archive", "toy_door"]
