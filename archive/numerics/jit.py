"""One decorator for every compiled kernel: cached on disk where that is possible, compiled anew where it is not."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba


def cache_folder(base: Path, modules: Iterable[Path]) -> Path:
    """Return the folder below `base` for compiled kernels, another one for each state of the modules.

    numba looks only at the file that a kernel is defined in. A kernel that contains code of another module would keep
    its old form when that module changes, and results would carry a code version that did not make them.
    """
    digest = hashlib.sha256()
    for module in sorted(modules):
        digest.update(module.read_bytes())
    name = f"kernels-{digest.hexdigest()[:12]}"
    return base if base.name == name else base / name  # a child process inherits the folder of its parent


_base = os.environ.get("NUMBA_CACHE_DIR") or Path(
    os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "pinakes", "numba"
)
_folder = str(cache_folder(Path(_base), Path(__file__).parent.glob("*.py")))
os.environ["NUMBA_CACHE_DIR"] = _folder  # for child processes
numba.config.CACHE_DIR = _folder  # type: ignore[attr-defined] # numba may have been imported before

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
    options |= {"nogil": True, "error_model": "numpy"}  # x/0 is inf: a bad record must not end a batch, nor vector code
    try:
        return cast(F, numba.njit(cache=True, **options)(function))
    except RuntimeError:  # "no locator available": nowhere to keep the compiled form
        return cast(F, numba.njit(**options)(function))
