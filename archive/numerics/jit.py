"""One decorator for every compiled kernel: cached on disk where that is possible, compiled anew where it is not."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

if "NUMBA_CACHE_DIR" not in os.environ:  # must be set before numba is imported
    _base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    os.environ["NUMBA_CACHE_DIR"] = str(Path(_base) / "pinakes" / "numba")

import numba

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compile `function` to machine code without the interpreter and without the global lock.

    The compiled form is kept in ``NUMBA_CACHE_DIR`` (by default below the user's cache folder). Where no such folder
    can be written numba refuses to cache; then the kernel is compiled in each process.
    """
    return _compiled(function)


def inlined(function: F) -> F:
    """Compile `function` as a `kernel` whose code always goes into its callers, so that their loops become vectors."""
    return _compiled(function, forceinline=True)


def _compiled(function: F, **options: Any) -> F:
    try:
        return cast(F, numba.njit(cache=True, nogil=True, **options)(function))
    except RuntimeError:  # "no locator available": nowhere to keep the compiled form
        return cast(F, numba.njit(nogil=True, **options)(function))
