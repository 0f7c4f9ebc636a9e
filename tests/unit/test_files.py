"""The small writers: HDF5 and CDF files whose bytes depend on their content alone."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import cdflib
import h5py
import numpy as np
import pytest
from cdflib import cdfwrite

from archive.errors import ArchiveError
from archive.formats import cdf
from archive.formats.cdf import Variable, write_cdf
from archive.formats.hdf5 import Hdf5Writer


def write_hdf5(path: Path) -> None:
    with Hdf5Writer(path) as writer:
        writer.attributes({"title": "test", "count": 3})
        writer.dataset("wave", (3, 100), np.int16, {"units": "dN"}, chunk=(1, 100), fill=-32768)
        writer.write("wave", 1, np.ones((2, 100), dtype=np.int16))
        writer.write("wave", 0, np.zeros((0, 100), dtype=np.int16))
        writer.column("group/name", ["a", "bcd", ""], {"description": "names"})
        writer.column("group/large", np.arange(10_000), {})
        writer.attributes({"calibration": "v1"}, "group")


def test_hdf5_files_read_back(tmp_path: Path) -> None:
    write_hdf5(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        assert dict(file.attrs) == {"title": "test", "count": 3}
        assert file["wave"][:, 0].tolist() == [-32768, 1, 1]
        assert file["wave"].chunks == (1, 100)
        assert (file["wave"].compression, file["wave"].shuffle) == ("gzip", True)
        assert file["group/name"].asstr()[:].tolist() == ["a", "bcd", ""]
        assert file["group/name"].compression is None
        assert file["group/large"].compression == "gzip"
        assert file["group"].attrs["calibration"] == "v1"


def test_hdf5_files_never_replace_another(tmp_path: Path) -> None:
    write_hdf5(tmp_path / "a.h5")
    with pytest.raises(FileExistsError):
        Hdf5Writer(tmp_path / "a.h5")


def variables(n: int) -> list[Variable]:
    rng = np.random.default_rng(1)
    epoch = np.arange(n, dtype=np.int64) * 1_000_000_000 + 700_000_000_000_000_000
    fill = {"FILLVAL": cdf_fill(), "VALIDMIN": 0, "VALIDMAX": 5, "UNITS": "dN", "DEPEND_0": "epoch"}
    return [
        Variable("epoch", cdf.TIME_TT2000, epoch, {"UNITS": "ns"}),
        Variable("wave", cdf.INT8, rng.integers(0, 1000, (n, 50)), fill),
        Variable("time", cdf.DOUBLE, rng.normal(size=(n, 50)), {"FILLVAL": -1e31, "UNITS": "us"}),
        Variable("flag", cdf.UINT1, rng.integers(0, 2, n).astype(np.uint8), {"FILLVAL": 255}),
        Variable("text", cdf.CHAR, np.array(["a", "longer"] * (n // 2)), {"FILLVAL": " "}, width=6),
        Variable("index", cdf.INT8, np.arange(50), {"UNITS": " "}, varies=False),
        *(Variable(f"v{i}", cdf.INT8, rng.integers(0, 9, n), {"UNITS": str(i)}) for i in range(10)),
    ]


def cdf_fill() -> int:
    return int(np.iinfo(np.int64).min)


ATTRIBUTES: dict[str, Any] = {"Project": "test", "Parents": ["a", "b"]}


def test_cdf_files_read_back(tmp_path: Path) -> None:
    path = tmp_path / "a.cdf"
    write_cdf(path, ATTRIBUTES, variables(6))
    read = cdflib.CDF(path, validate=True)
    assert read.globalattsget() == {"Project": ["test"], "Parents": ["a", "b"]}
    for variable in variables(6):
        values = read.varget(variable.name)
        if variable.kind == cdf.CHAR:
            assert values.tolist() == [text.ljust(6) for text in variable.values]
        else:
            np.testing.assert_array_equal(values, variable.values)
    about = read.varattsget("wave")
    assert about["FILLVAL"] == cdf_fill()
    assert about["UNITS"] == "dN"
    assert read.varinq("wave").Compress == 1


def test_neither_kind_of_file_holds_the_time_of_its_making(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_hdf5(tmp_path / f"{name}.h5")
        write_cdf(tmp_path / f"{name}.cdf", ATTRIBUTES, variables(2000))
        time.sleep(1.1)  # the clocks in file headers count whole seconds
    for ending in ("h5", "cdf"):
        assert (tmp_path / f"a.{ending}").read_bytes() == (tmp_path / f"b.{ending}").read_bytes()


def test_the_fast_writer_makes_the_same_bytes_as_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_cdf(tmp_path / "fast.cdf", ATTRIBUTES, variables(6))
    monkeypatch.setattr(cdf, "_Writer", lambda path, spec: cdfwrite.CDF(path, cdf_spec=spec))
    write_cdf(tmp_path / "slow.cdf", ATTRIBUTES, variables(6))
    assert (tmp_path / "fast.cdf").read_bytes() == (tmp_path / "slow.cdf").read_bytes()


def test_cdf_names_must_end_in_cdf_and_be_new(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"must end in \.cdf"):
        write_cdf(tmp_path / "a.cdf.part", ATTRIBUTES, [])
    write_cdf(tmp_path / "a.cdf", ATTRIBUTES, variables(2))
    with pytest.raises(FileExistsError):
        write_cdf(tmp_path / "a.cdf", ATTRIBUTES, variables(2))


def test_a_changed_cdf_file_does_not_pass_the_check(tmp_path: Path) -> None:
    path = tmp_path / "a.cdf"
    write_cdf(path, ATTRIBUTES, variables(100))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ArchiveError, match=r"a\.cdf does not pass"):
        cdf.check(path)
