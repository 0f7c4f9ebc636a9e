"""The file tree: the only room that links, renames and unlinks files of the archive."""

from archive.store.home import Home, init_home

__all__ = ["Home", "init_home"]
