"""The HDF5 and CDF products: what is in them, that it reads back, and that their bytes never change."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import cdflib
import h5py
import numpy as np
import pytest

from archive.instruments.idex import IDEX
from archive.instruments.idex.capture import read_capture
from archive.instruments.idex.events import batches, list_events
from archive.instruments.idex.fields import FIELDS
from archive.instruments.idex.grouping import group
from archive.instruments.idex.l1a_file import L1aWriter
from archive.instruments.idex.layout import CHANNELS
from archive.instruments.idex.lineage import of_file
from archive.model import Decoded, NewFile
from tests.data import data_path
from tests.instruments import idex_files as files

NUMBERS = {"int64": {"CDF_INT8", "CDF_TIME_TT2000"}, "float64": {"CDF_DOUBLE"}, "uint8": {"CDF_UINT1"}}


def decode(folder: Path, name: str) -> Decoded:
    folder.mkdir()
    return IDEX().decode(files.source(files.path(name)), folder)


def product(decoded: Decoded, kind: str) -> NewFile:
    return next(file for file in decoded.products if file.product == kind)


def read_cdf(path: Path) -> cdflib.CDF:
    return cdflib.CDF(path, validate=True)


@pytest.mark.parametrize("name", files.FILES)
def test_the_same_file_gives_the_same_bytes(tmp_path: Path, name: str) -> None:
    first, second = decode(tmp_path / "a", name), decode(tmp_path / "b", name)
    assert [p.name for p in first.products] == [p.name for p in second.products]
    for one, other in zip(first.products, second.products, strict=True):
        assert one.path.read_bytes() == other.path.read_bytes()


def test_the_level_1a_file_has_the_variables_of_established_products(tmp_path: Path) -> None:
    decoded = decode(tmp_path / "work", files.EVENT_FILES[1])
    cdf = read_cdf(product(decoded, "l1a_sci").path)
    expected: dict[str, dict[str, Any]] = json.loads(
        data_path("idex/reference/l1a-variables.json").read_text(encoding="utf-8")
    )["variables"]
    assert set(cdf.cdf_info().zVariables) == set(expected)
    sizes = {"time_high_sample_rate_index": 8189, "time_low_sample_rate_index": 512}
    for name, about in expected.items():
        inquiry, attributes = cdf.varinq(name), cdf.varattsget(name)
        dims = [dim for dim in about["dims"] if dim != "epoch"]
        assert inquiry.Dim_Sizes == [sizes[dim] for dim in dims], name
        assert inquiry.Rec_Vary == ("epoch" in about["dims"]), name
        if about["dtype"] in NUMBERS:
            assert inquiry.Data_Type_Description in NUMBERS[about["dtype"]], name
        else:
            assert inquiry.Data_Type_Description == "CDF_CHAR", name
        for attribute in set(about) - {"dims", "dtype"}:
            stated = about[attribute].strip() if isinstance(about[attribute], str) else about[attribute]
            found = attributes[attribute]
            assert (found.strip() if isinstance(found, str) else found) == stated, (name, attribute)
        assert attributes["CATDESC"]
        assert attributes["FIELDNAM"]


@pytest.mark.parametrize("name", files.L1A_FILES)
def test_the_level_1a_file_holds_the_values_of_established_products(tmp_path: Path, name: str) -> None:
    cdf = read_cdf(product(decode(tmp_path / "work", name), "l1a_sci").path)
    reference = files.reference(name, "l1a.npz")
    texts = files.reference(name, "l1a-strings.json")["string_variables"]
    known = {"time_high_sample_rate", "time_low_sample_rate"}
    for variable in set(reference.files):
        if not variable.startswith(tuple(known)):
            tolerance = 200 if variable == "epoch" else 1
            assert np.abs(cdf.varget(variable) - reference[variable].astype(np.int64)).max() < tolerance
    for variable, values in texts.items():
        assert np.char.strip(cdf.varget(variable)).tolist() == values
    low = cdf.varget("time_low_sample_rate")
    np.testing.assert_allclose(low[:, 0], reference["time_low_sample_rate_first"], atol=1e-9)
    np.testing.assert_allclose(low[:, -1], reference["time_low_sample_rate_last"], atol=1e-9)
    high = cdf.varget("time_high_sample_rate")
    right = np.ones(len(high), dtype=bool)
    if name == "sciData_2023_052_14_45_05":  # the reference takes the wrong delay for the Mid-triggered events
        right = ~np.isin(reference["idx__txhdrevtnum"], (0, 1, 3, 5))
    np.testing.assert_allclose(high[right, 0], reference["time_high_sample_rate_first"][right], atol=1e-9)
    np.testing.assert_allclose(high[right, -1], reference["time_high_sample_rate_last"][right], atol=1e-9)


def test_global_attributes_are_those_istp_asks_for(tmp_path: Path) -> None:
    file = product(decode(tmp_path / "work", files.EVENT_FILES[1]), "l1a_sci")
    attributes = read_cdf(file.path).globalattsget()
    required = (
        "Project Source_name Discipline Data_type Descriptor Data_version Logical_file_id PI_name PI_affiliation TEXT "
        "Instrument_type Mission_group Logical_source Logical_source_description File_naming_convention Parents"
    )
    for name in required.split():
        assert all(attributes[name]), name
    assert attributes["Logical_file_id"] == [file.name.removesuffix(".cdf")]
    assert files.source(files.path(files.EVENT_FILES[1])).sha256 in attributes["Parents"][0]
    assert file.name == "imap_idex_l1a_sci_20231216_41a1192f_v001.cdf"


def test_messages_read_back_from_their_file(tmp_path: Path) -> None:
    decoded = decode(tmp_path / "work", "imap_idex_l0_raw_20250108_v001.pkts")
    reference = files.reference("imap_idex_l0_raw_20250108_v001.pkts", "messages.json")
    old, new = (read_cdf(file.path) for file in decoded.products)
    assert [p.name[:26] for p in decoded.products] == ["imap_idex_l1a_msg_20100101", "imap_idex_l1a_msg_20250101"]
    texts = [text.rstrip() for cdf in (old, new) for text in np.atleast_1d(cdf.varget("messages"))]
    assert texts == reference["messages"]
    epochs = np.concatenate([np.atleast_1d(cdf.varget("epoch")) for cdf in (old, new)])
    assert np.abs(epochs - np.array(reference["epoch"])).max() < 200


@pytest.mark.parametrize("limit", [3, 7, 100])
def test_a_window_is_cut_into_files_of_bounded_size(tmp_path: Path, limit: int) -> None:
    name = files.EVENT_FILES[0]
    data = files.data(name)
    science = read_capture(data).science
    groups = group(data, science)
    events = list_events(data, science, groups)
    writer = L1aWriter(tmp_path, events, of_file(files.source(files.path(name))), limit)
    for batch in batches(data, science, groups, events, size=5):
        writer.add(batch)
    writer.close()
    assert [len(rows) for rows in writer.contents] == [min(limit, 19 - i) for i in range(0, 19, limit)]
    assert np.concatenate(writer.contents).tolist() == list(range(19))
    assert len({file.name for file in writer.files}) == len(writer.files)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library warns of variables with a single record
        high = np.concatenate([np.atleast_2d(read_cdf(file.path).varget("TOF_High")) for file in writer.files])
    np.testing.assert_array_equal(high, files.decoded(name).samples["TOF_High"][:, :8189])


@pytest.mark.parametrize("name", files.EVENT_FILES)
def test_the_event_file_holds_everything_with_units(tmp_path: Path, name: str) -> None:
    decoded, expected = decode(tmp_path / "work", name), files.decoded(name)
    path = product(decoded, "l1a_events").path
    with h5py.File(path) as file:
        assert json.loads(file.attrs["sources"])[0]["sha256"] == files.source(files.path(name)).sha256
        np.testing.assert_array_equal(file["epoch"][:], expected.events.tt2000)
        assert file["identity"].asstr()[:].tolist() == expected.events.identity
        assert {field.name for field in FIELDS} == set(file["header"])
        assert all(file[f"housekeeping/{name}"].attrs["units"] for name in file["housekeeping"])
        np.testing.assert_array_equal(file["received_length"][:], [[8192] * 3 + [512] * 3] * len(expected))
        np.testing.assert_array_equal(file["flags/dust_hit"][:], expected.dust_hit)
        for channel in CHANNELS:
            dataset = file[channel.name]
            assert dataset.chunks == (1, channel.samples)
            assert dataset.attrs["units"] == "dN"
    shown = IDEX().waveforms(path, 0, len(expected))
    assert [channel.name for channel in shown.channels] == [channel.name for channel in CHANNELS]
    for channel in shown.channels:
        np.testing.assert_array_equal(channel.data, expected.samples[channel.name])
        t0 = expected.events.t0_high if channel.name.startswith("TOF") else expected.events.t0_low
        np.testing.assert_array_equal(channel.t0, t0)
    last = IDEX().waveforms(path, len(expected) - 1, 1)
    np.testing.assert_array_equal(last.channels[0].data[0], expected.samples["TOF_High"][-1])


def test_places_of_events_in_products_are_right(tmp_path: Path) -> None:
    decoded = decode(tmp_path / "work", files.EVENT_FILES[0])
    rows = next(rows for rows in decoded.rows if rows.table == "core.event_product")
    assert decoded.events is not None
    for event, record, file in zip(rows.index, rows.columns["record"], rows.file_columns["file_id"], strict=True):
        found = decoded.products[file - 1]
        if found.product == "l1a_events":
            with h5py.File(found.path) as content:
                assert content["event_number"][record] == decoded.events.seq[event]
        else:
            assert read_cdf(found.path).varget("idx__txhdrevtnum")[record] == decoded.events.seq[event]
