"""HDF5 files whose bytes depend on their content alone, written in slices so that memory stays bounded.

No times of day are stored, and everything is written in the order in which it is asked for: the same calls give the
same bytes with the same version of the HDF5 library.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np
from numpy.typing import DTypeLike, NDArray

#: Level 1 is four times as fast as level 4 on waveforms, and 8 % larger.
GZIP_LEVEL = 1

#: Columns of at most so many bytes are stored plainly: the index of a chunk would take more than compression saves.
SMALL = 16384


class Hdf5Writer:
    """Writes one new HDF5 file.

    Parameters
    ----------
    path
        The file to make.

    Raises
    ------
    FileExistsError
        When there is a file already.
    """

    def __init__(self, path: Path) -> None:
        self._file = h5py.File(path, "x", libver=("v110", "v110"))

    def __enter__(self) -> Hdf5Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def attributes(self, values: Mapping[str, Any], name: str = "/") -> None:
        """Set attributes of the root, of a group (made when it is not there) or of a dataset."""
        target = self._file if name == "/" else self._file.get(name) or self._file.create_group(name)
        for key, value in values.items():
            target.attrs[key] = value

    def dataset(
        self,
        name: str,
        shape: tuple[int, ...],
        dtype: DTypeLike,
        attributes: Mapping[str, Any],
        *,
        chunk: tuple[int, ...] | None = None,
        fill: Any = None,
    ) -> None:
        """Make an empty dataset, chunked and compressed.

        Parameters
        ----------
        name
            Path in the file; groups on the way are made.
        shape, dtype
            Of the whole dataset.
        attributes
            What it is and in which unit.
        chunk
            Shape of a piece that is compressed on its own; chosen when not given.
        fill
            What stands where nothing is written.
        """
        if chunk is None:
            chunk = (max(min(shape[0], 4096), 1), *shape[1:])
        dataset = self._file.create_dataset(
            name,
            shape=shape,
            dtype=dtype,
            chunks=chunk,
            compression="gzip",
            compression_opts=GZIP_LEVEL,
            shuffle=True,
            fillvalue=fill,
        )
        for key, value in attributes.items():
            dataset.attrs[key] = value

    def write(self, name: str, first: int, values: NDArray[Any]) -> None:
        """Write rows ``first`` and following of a dataset."""
        if len(values):
            self._file[name][first : first + len(values)] = values

    def column(self, name: str, values: NDArray[Any] | Sequence[str], attributes: Mapping[str, Any]) -> None:
        """Make a dataset and write it whole, compressed unless it is small; texts become ASCII of fixed width."""
        array = np.asarray(values)
        dtype: Any = array.dtype
        if array.dtype.kind == "U":
            array = np.char.encode(array, "ascii", "backslashreplace")
        if array.dtype.kind == "S":
            dtype = h5py.string_dtype("ascii", max(array.dtype.itemsize, 1))
        if array.nbytes > SMALL:
            self.dataset(name, array.shape, dtype, attributes)
            self.write(name, 0, array)
            return
        dataset = self._file.create_dataset(name, data=array, dtype=dtype)
        for key, value in attributes.items():
            dataset.attrs[key] = value
