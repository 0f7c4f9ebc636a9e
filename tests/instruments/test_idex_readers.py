"""Every layout of IDEX events is read into one event object: what is there exactly, what is not with its reason."""

from __future__ import annotations

import json
import os
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

import archive
from archive.catalog import Catalog
from archive.cli import run
from archive.config import load
from archive.errors import NotFound, UnreadableSource
from archive.formats.cdf import DOUBLE, INT8, TIME_TT2000, Variable, write_cdf
from archive.ingest import ingest
from archive.instruments.idex.readers import readers
from archive.instruments.idex.readers.base import head_of
from archive.instruments.idex.readers.event import CHANNEL_NAMES, PARTS, PULSE_NAMES, Event
from archive.instruments.idex.simulate import Options, simulate
from archive.store import init_home
from tests.data import data_path
from tests.instruments.idex_delivered import CHANNELS, HIGH, LOW, T0, established_l1a, level_1b, level_2a

N = 3
EPOCH = T0 + 1_000_000_000 * np.arange(N)


@dataclass
class Held:
    """An archive, its products by name, and what its views say."""

    home: Path
    products: dict[str, Path]
    views: dict[str, list[dict[str, Any]]]

    def rows(self, view: str, identity: str | None) -> list[dict[str, Any]]:
        return [row for row in self.views[view] if row["identity"] == identity]


@pytest.fixture(scope="module")
def held(embedded_server: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Held]:
    """Eight events of several kinds, of which some lack channels."""
    folder = tmp_path_factory.mktemp("held")
    shares = {"dust": 0.7, "noise_software": 0.15, "pulser": 0.15}
    simulate(folder / "capture.pkts", Options(events=8, seed=5, gaps=2, background=False, shares=shares, arrays=False))
    url = embedded_server.create()
    try:
        with Catalog.from_url(url.render_as_string(hide_password=False)) as catalog:
            home = init_home(folder / "archive", catalog.url).root
            ingest(catalog, load(home), [folder / "capture.pkts"])
            with catalog.read() as conn:
                files = conn.execute(text("select p.name, f.relpath from core.file f join core.product p on "
                                          "p.id = f.product_id where f.state = 'available'")).all()  # fmt: skip
                views = {name: [dict(row) for row in conn.execute(text(f"select * from analysis.{name}")).mappings()]
                         for name in ("event_summary", "tof_line", "pulse", "channel_level")}  # fmt: skip
            yield Held(home, {name: home / relpath for name, relpath in files}, views)
    finally:
        embedded_server.drop(url)


def read(path: Path, **options: Any) -> list[Event]:
    """Read all events; whatever is None must have a reason, and nothing else one."""
    found = list(archive.read_events(path, **options))
    for event in found:
        assert set(event.waveforms) == set(CHANNEL_NAMES)
        assert set(event.pulses) == set(PULSE_NAMES)
        parts = {name: getattr(event, name) for name in PARTS}
        parts |= {f"waveforms.{name}": one for name, one in event.waveforms.items()}
        parts |= {f"pulses.{name}": one for name, one in event.pulses.items()}
        for name, one in parts.items():
            assert bool(event.why(name)) == (one is None), name
    return found


def made_1b(folder: Path, **options: Any) -> tuple[Path, dict[str, Any]]:
    rng = np.random.default_rng(0)
    waveforms = {name: rng.normal(scale=1e4, size=(N, size)) for name, size in CHANNELS.items()}
    waveforms["TOF_Mid"][1] = np.nan
    waveforms["Ion_Grid"][0, 3] = np.nan
    return level_1b(folder / "imap_idex_l1b_sci-10days_20260301_v001.cdf", waveforms, EPOCH, **options), waveforms


def test_each_file_is_known_by_exactly_one_reader_whatever_it_is_called(held: Held, tmp_path: Path) -> None:
    level_2a(tmp_path / "two.cdf", EPOCH)
    files = {
        "l1a_events": held.products["l1a_events"], "l1a_cdf": held.products["l1a_sci"],
        "l2a_cdf": held.products["l2a_sci"], "l2a_tables": held.products["l2a_tables"],
        "l1b_cdf": made_1b(tmp_path)[0],
    }  # fmt: skip
    for layout, path in {**files, "l2a_cdf": tmp_path / "two.cdf"}.items():
        renamed = tmp_path / f"{layout} renamed"
        renamed.write_bytes(path.read_bytes())
        assert [each.layout for each in readers() if each.recognises(renamed, head_of(renamed))] == [layout]
    assert {each.layout for each in readers()} == {*files, "laboratory"}
    assert all(each.title for each in readers())


def test_the_event_product_reads_as_the_face_and_the_catalog_have_it(held: Held) -> None:
    found = read(held.products["l1a_events"])
    with archive.connect(held.home) as house:
        assert len(found) == 8
        for event in found:
            assert event.identity is not None
            row = house.event(event.identity)
            assert event.time == row["t"]
            waveforms = house.waveforms(row)
            for channel in waveforms.channels:
                mine = event.waveforms[channel.name]
                assert (mine is not None) == bool(channel.present[0])
                if mine is not None:
                    assert mine.t is not None
                    np.testing.assert_array_equal(mine.values, channel.data[0])
                    np.testing.assert_array_equal(mine.t, channel.t0[0] + channel.dt * np.arange(channel.data.shape[1]))
                    assert mine.unit == channel.unit == "dN"
            with house.catalog.read() as conn:
                query = text("select * from idex.event_header where event_id = :key")
                header = dict(conn.execute(query, {"key": row["id"]}).mappings().one())
            same = set(header) & set(event.header or {})
            assert len(same) > 100
            assert {name: (event.header or {})[name] for name in same} == {name: header[name] for name in same}
    assert any(event.waveforms[name] is None for event in found for name in CHANNEL_NAMES), "channels are missing"


def test_our_level_1a_cdf_tells_the_same_events_as_the_event_product(held: Held) -> None:
    product = {event.identity: event for event in read(held.products["l1a_events"])}
    found = read(held.products["l1a_sci"])
    assert [event.identity for event in found] == list(product)
    for event in found:
        other = product[event.identity]
        assert (event.tt2000, event.time, event.flags) == (other.tt2000, other.time, other.flags)
        assert event.housekeeping == pytest.approx(other.housekeeping)
        assert event.header is not None
        assert other.header is not None
        same = {name for name in event.header if name in other.header and not isinstance(event.header[name], str)}
        assert len(same) > 80
        for name in same - {"txhdrsp04"}:  # established products read one bit more into that spare
            assert event.header[name] == other.header[name], name
        for name in CHANNEL_NAMES:
            mine, theirs = event.waveforms[name], other.waveforms[name]
            assert (mine is None) == (theirs is None)
            if mine is not None and theirs is not None:
                assert mine.t is not None
                assert theirs.t is not None
                np.testing.assert_array_equal(mine.values, theirs.values[: mine.values.size])
                np.testing.assert_allclose(mine.t, theirs.t[: mine.t.size], atol=1e-9)
                assert (mine.unit, mine.saturated) == (theirs.unit, theirs.saturated)


def test_level_2a_with_its_level_1a_is_what_the_catalog_says(held: Held) -> None:
    product = {event.identity: event for event in read(held.products["l1a_events"])}
    found = read(held.products["l2a_sci"], join=held.products["l1a_sci"])
    assert [event.identity for event in found] == list(product)
    for event in found:
        assert event.joined == held.products["l1a_sci"]
        (summary,) = held.rows("event_summary", event.identity)
        assert event.tt2000 == product[event.identity].tt2000
        assert event.particle is not None
        assert event.particle["charge"] == pytest.approx(summary["charge"])
        assert event.particle["mass_low"] == pytest.approx(summary["mass_low"])
        assert event.snr == product_snr(held, event)
        lines = {row["mu"]: row for row in held.rows("tof_line", event.identity)}
        for line in event.lines or ():
            row = lines[line.mu]
            assert (line.sigma, line.rate, line.area, line.area_in_window, line.mass) == (
                row["sigma"], row["lambda"], row["area"], row["area_in_window"], row["mass"],
            )  # fmt: skip
        for row in held.rows("pulse", event.identity):
            pulse = event.pulses[row["channel"]]
            if row["time_of_impact"] is not None:
                assert pulse is not None
                assert pulse.parameters["rise_time"] == row["rise_time"]
                assert (pulse.charge, pulse.unit, pulse.charge_error) == (row["charge"], "pC", row["charge_error"])
        for name in CHANNEL_NAMES:
            mine, theirs = event.waveforms[name], product[event.identity].waveforms[name]
            assert (mine is None) == (theirs is None)
            if mine is not None and theirs is not None:
                np.testing.assert_array_equal(mine.values, theirs.values[: mine.values.size])
    assert sum(len(event.lines or ()) for event in found) > 10


def product_snr(held: Held, event: Event) -> dict[str, float] | None:
    (row,) = [each for each in held.rows("channel_level", event.identity) if each["channel"] == "TOF_High"]
    return None if row["snr"] is None else {"TOF_High": row["snr"]}


def test_level_2a_alone_says_what_to_join(held: Held) -> None:
    for event in read(held.products["l2a_sci"]):
        assert event.joined is None
        assert "join the level-1A or level-1B file" in event.why("waveforms.TOF_High")


def test_the_tables_with_the_event_product_are_what_the_catalog_says(held: Held) -> None:
    found = read(held.products["l2a_tables"], join=held.products["l1a_events"])
    assert len(found) == 8
    for event in found:
        (summary,) = held.rows("event_summary", event.identity)
        assert event.scale is not None or summary["coefficients"] is None
        if event.scale is not None:
            assert list(event.scale.coefficients or ()) == summary["coefficients"]
            assert (event.scale.origin, event.scale.status) == (summary["scale_origin"], summary["scale_status"])
        rows = held.rows("tof_line", event.identity)
        mine = [(line.number, line.mu, line.species, line.mass) for line in event.lines or ()]
        assert mine == [(row["line"], row["mu"], row["species"], row["mass"]) for row in rows]
        for row in held.rows("pulse", event.identity):
            pulse = event.pulses[row["channel"]]
            assert pulse is not None
            assert (pulse.charge, pulse.speed, pulse.t90) == (row["charge"], row["speed"], row["t90"])
        levels = {row["channel"]: row["snr"] for row in held.rows("channel_level", event.identity)}
        assert event.snr == levels
        assert event.tt2000 is not None, "the event product has it"
        assert event.time == summary["t"]


def test_delivered_level_1b_is_read_in_its_units_whatever_validmax_says(tmp_path: Path) -> None:
    path, waveforms = made_1b(tmp_path)
    found = read(path)
    assert [event.tt2000 for event in found] == EPOCH.tolist()
    for k, event in enumerate(found):
        for name, values in waveforms.items():
            mine = event.waveforms[name]
            if np.isnan(values[k]).all():
                assert mine is None
                assert event.why(f"waveforms.{name}") == "every sample is filled: it was not received"
                continue
            assert mine is not None
            np.testing.assert_array_equal(mine.values, values[k])
            assert np.nanmax(values) > 4095, "beyond the valid range of counts, and kept"
            assert mine.unit == ("mA" if name.startswith("TOF") else "pC")
            assert mine.t is not None
            assert mine.t[0] == pytest.approx((-1.5 if name.startswith("TOF") else -2.0) + 0.01 * k)
            assert mine.saturated is False
        assert event.header is not None
        assert (event.header["aid"], event.header["shcoarse"]) == (7, 510_000_000 + k)
        assert event.header["trigger_origin"] == "SW trigger"
        assert event.header["trigger_level_hg"] is None
        assert event.flags == {"science_event": True, "noise_capture": False, "pulser": False, "dust_hit": False}
        assert event.housekeeping is not None
        assert len(event.housekeeping) == 32
        assert event.geometry is not None
        assert len(event.geometry) == 10
        assert event.why("identity") == "level-1B files have no event number"


@pytest.mark.parametrize("source", ["imap_idex_l1b_sci-1week", "imap_idex_l1b_sci-1mo", "imap_idex_l1b_evt", "x", ""])
def test_older_deliveries_are_known_by_what_they_hold(tmp_path: Path, source: str) -> None:
    path, _ = made_1b(tmp_path, source=source)
    assert {event.layout for event in read(path)} == {"l1b_cdf"}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    n=st.integers(1, 70),
    seed=st.integers(0, 999),
    holes=st.floats(0, 1),
    channels=st.sets(st.sampled_from(list(CHANNELS)), min_size=1),
)
def test_any_level_1b_comes_back_sample_by_sample(
    tmp_path: Path, n: int, seed: int, holes: float, channels: set[str]
) -> None:
    rng = np.random.default_rng(seed)
    waveforms = {name: rng.normal(scale=10.0 ** rng.integers(-6, 6), size=(n, CHANNELS[name])) for name in channels}
    for values in waveforms.values():
        values[rng.random(values.shape) < holes] = np.nan
    path = tmp_path / "any.cdf"
    path.unlink(missing_ok=True)
    level_1b(path, waveforms, T0 + 1_000_000 * np.arange(n))
    for k, event in enumerate(read(path)):
        for name in CHANNELS:
            mine = event.waveforms[name]
            expected = waveforms[name][k] if name in waveforms else np.full(1, np.nan)
            assert (mine is None) == bool(np.isnan(expected).all())
            if mine is not None:
                np.testing.assert_array_equal(mine.values, expected)
    (alone,) = read(path, number=n - 1)
    assert alone.number == n - 1


def test_delivered_level_2a_is_joined_by_time_and_its_filled_spectra_are_no_failed_fits(tmp_path: Path) -> None:
    one_b, waveforms = made_1b(tmp_path)
    path = level_2a(tmp_path / "imap_idex_l2a_sci-10days_20260301_v001.cdf", EPOCH[::-1])
    found = read(path, join=one_b)
    for k, event in enumerate(found):
        other = N - 1 - k
        assert event.lines is None
        assert "no failed fit" in event.why("lines")
        assert "no failed fit" in event.why("scale")
        assert event.joined == one_b if event.header is None else True
        pulse = event.pulses["Target_High"]
        assert pulse is not None
        assert list(pulse.parameters) == [
            "time_of_impact", "constant_offset", "amplitude", "rise_time", "discharge_time",
        ]  # fmt: skip
        assert pulse.unit == "pC"
        if other == 1:  # the middle one: clocks of both agree
            mine = event.waveforms["TOF_High"]
            assert mine is not None
            np.testing.assert_array_equal(mine.values, waveforms["TOF_High"][1])
        else:
            assert "has another shcoarse" in event.why("waveforms.TOF_High")


def test_what_has_no_partner_or_two_is_not_joined(tmp_path: Path) -> None:
    waveforms = {name: np.ones((N, size)) for name, size in CHANNELS.items()}
    one_b = level_1b(tmp_path / "b.cdf", waveforms, [EPOCH[0], EPOCH[0], EPOCH[2]])
    path = level_2a(tmp_path / "a.cdf", [EPOCH[0], EPOCH[1], EPOCH[2]])
    reasons = [event.why("waveforms.Ion_Grid") for event in read(path, join=one_b)]
    assert reasons == [
        "the file that was joined has 2 events of that time", "the file that was joined has no event of that time", "",
    ]  # fmt: skip


def test_lines_of_level_2a_stand_in_slots_and_their_order_is_told_by_the_labels(tmp_path: Path) -> None:
    parameters = np.full((1, 500, 3), np.nan)
    parameters[0, 28], parameters[0, 56] = (5.0, 0.01, 30.0), (8.0, 0.02, 20.0)
    areas = np.full((1, 500), np.nan)
    areas[0, 28], areas[0, 100] = 0.5, 0.25
    path = level_2a(tmp_path / "a.cdf", EPOCH[:1], tof_peak_fit_parameters=parameters, tof_peak_area_under_fit=areas)
    (event,) = read(path)
    assert [(line.mass, line.mu, line.rate, line.area_in_window) for line in event.lines or ()] == [
        (28.0, 5.0, 30.0, 0.5), (56.0, 8.0, 20.0, None), (100.0, None, None, 0.25),
    ]  # fmt: skip
    (event,) = read(level_2a(tmp_path / "c.cdf", EPOCH[:1], pinakes_lines=np.array([2.0])))
    assert event.why("lines") == "none of its 2 lines has a slot in this layout"
    (event,) = read(level_2a(tmp_path / "d.cdf", EPOCH[:1], pinakes_lines=np.array([0.0])))
    assert event.lines == []
    filled = level_2a(tmp_path / "b.cdf", EPOCH[:1], target_low_fit_parameters=np.full((1, 5), np.nan),
                      target_low_impact_charge=np.full(1, np.nan))  # fmt: skip
    (event,) = read(filled)
    assert event.why("pulses.Target_Low") == "filled: nothing was fitted in this channel"


def test_every_variable_of_an_established_level_1a_product_is_read(tmp_path: Path) -> None:
    about = json.loads(data_path("idex/reference/l1a-variables.json").read_text(encoding="utf-8"))["variables"]
    written = established_l1a(tmp_path / "established.cdf", about, N, HIGH)
    found = read(tmp_path / "established.cdf")
    assert {event.layout for event in found} == {"l1a_cdf"}
    for k, event in enumerate(found):
        assert event.header is not None
        header = {name.removeprefix("idx__"): values[k] for name, values in written.items()
                  if name.startswith("idx__") or name in ("aid", "shcoarse", "shfine")}  # fmt: skip
        assert event.header == header
        for name in CHANNEL_NAMES:
            mine = event.waveforms[name]
            assert mine is not None
            np.testing.assert_array_equal(mine.values, written[name][k])
            rate = "high" if name.startswith("TOF") else "low"
            np.testing.assert_array_equal(mine.t, written[f"time_{rate}_sample_rate"][k])
            assert mine.saturated == bool(written[f"{name.lower()}_saturation_flag"][k])
        time = header["txhdrtimesec1"] * 65536 + header["txhdrtimesec2"]
        assert event.identity == f"{header['aid']}/{time}/{header['txhdrtimesubs']}/{header['txhdrevtnum']}"
        assert event.housekeeping is not None


def test_missing_variables_and_odd_shapes_are_reasons_and_no_exceptions(tmp_path: Path) -> None:
    epoch = Variable("epoch", TIME_TT2000, np.array([T0, np.iinfo(np.int64).min]), {})
    odd = Variable("TOF_High", DOUBLE, np.ones((2, 4)), {"UNITS": "mA"})
    flat = Variable("Ion_Grid", DOUBLE, np.ones(2), {"UNITS": "pC"})
    axis = Variable("time_high_sample_rate", DOUBLE, np.ones((2, 3)), {})
    short = Variable("longitude", DOUBLE, np.ones(1), {})
    write_cdf(tmp_path / "odd.cdf", {"Logical_source": "imap_idex_l1b_sci"}, [epoch, odd, flat, axis, short])
    first, second = read(tmp_path / "odd.cdf")
    tof = first.waveforms["TOF_High"]
    assert tof is not None
    assert (tof.t, tof.saturated) == (None, None)
    assert first.notes == ["TOF_High has no times of its own length"]
    assert first.geometry == {"longitude": 1.0}
    assert second.why("geometry") == "every variable of it is filled"
    assert second.why("time") == "the record has no time"
    assert "no such record of numbers" in first.why("waveforms.Ion_Grid")
    assert first.why("header") == "the file does not say it"


def test_an_axis_that_does_not_vary_counts_for_every_record(tmp_path: Path) -> None:
    variables = [
        Variable("epoch", TIME_TT2000, EPOCH, {}),
        Variable("Target_High", DOUBLE, np.ones((N, LOW)), {"UNITS": "pC"}),
        Variable("time_low_sample_rate", DOUBLE, np.arange(LOW, dtype=np.float64), {}, varies=False),
    ]
    write_cdf(tmp_path / "fixed.cdf", {}, variables)
    for event in read(tmp_path / "fixed.cdf"):
        held = event.waveforms["Target_High"]
        assert held is not None
        np.testing.assert_array_equal(held.t, np.arange(LOW))


def messages(path: Path) -> Path:
    write_cdf(path, {"Logical_source": "imap_idex_l1a_msg-10days"}, [
        Variable("epoch", TIME_TT2000, EPOCH, {}), Variable("elsec_evtpkt", INT8, np.arange(N), {}),
    ])  # fmt: skip
    return path


def test_what_is_no_file_of_events_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty.h5").touch()
    (tmp_path / "text.cdf").write_text("no cdf at all " * 50)
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "head.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    (tmp_path / "head.cdf").write_bytes(b"\xcd\xf3\x00\x01\x00\x00\xff\xff")
    messages(tmp_path / "messages.cdf")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = 1
    hostile = os.fsdecode(b"\xff\x1b[31m\n<b>.h5")
    for name, words in (
        ("empty.h5", "is empty"), ("text.cdf", "holds no events in a layout that is known"),
        ("folder", "not a regular file"), ("pipe", "not a regular file"), ("nothing", "No such file"),
        ("head.h5", "is no HDF5 file that can be read"), ("head.cdf", "cannot be read"),
        ("messages.cdf", "holds no events"), ("other.h5", "holds no events"), (hostile, "No such file"),
        ("a" * 5000, "cannot be opened"), ("nul\0", "cannot be opened"),
    ):  # fmt: skip
        with pytest.raises(UnreadableSource, match=words):
            list(archive.read_events(tmp_path / name))
        if "\0" not in name:
            assert run(["events", "read", str(tmp_path / name)]) == 1
            said = capsys.readouterr().err
            assert said.startswith("pinakes: ")
            assert "Traceback" not in said
            assert "\x1b" not in said
            assert said.count("\n") == 1
    path, _ = made_1b(tmp_path)
    with pytest.raises(UnreadableSource, match="is empty"):
        archive.read_events(path, join=tmp_path / "empty.h5")
    with pytest.raises(NotFound, match="has no event 3; there are: 0 to 2"):
        list(archive.read_events(path, number=3))


@pytest.fixture(scope="module")
def wholesome(held: Held, tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """The bytes of one file of each layout."""
    folder = tmp_path_factory.mktemp("wholesome")
    two = level_2a(folder / "two.cdf", EPOCH)
    laboratory = folder / "laboratory.h5"
    assert run(["--home", str(held.home), "export", "laboratory", str(laboratory), "-n", "2"]) == 0
    products = [held.products[name] for name in ("l1a_events", "l2a_tables")]
    return [path.read_bytes() for path in (made_1b(folder)[0], two, laboratory, *products)]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 1 << 32))
def test_damaged_files_are_read_or_refused_and_never_more(wholesome: list[bytes], tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    broken = bytearray(wholesome[rng.integers(len(wholesome))])
    if rng.random() < 0.5:
        broken = broken[: rng.integers(1, len(broken))]
    else:
        early = rng.random() < 0.5  # where the structure of a file is, a few bytes go far
        for place in rng.integers(0, min(len(broken), 20_000) if early else len(broken), rng.integers(1, 20)):
            broken[place] = rng.integers(256)
    path = tmp_path / "broken"
    path.write_bytes(bytes(broken))
    sentences = []
    try:
        read(path)
    except UnreadableSource as error:
        sentences.append(str(error))
    assert not any("\n" in each for each in sentences)


def test_hostile_names_inside_of_a_file_are_shown_and_do_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with h5py.File(tmp_path / "hostile.h5", "w") as file:
        for name in ("1", "01", "9" * 5000, "\u0662", "-1"):
            file[f"{name}/TOF H"] = np.arange(4.0)
        file["1/Metadata/\x1b[31m\n<b>"] = "\x1b[2J\u202e"
        file["1/Metadata/Epoch"] = "\x1b"
        file["1/Analysis/Flags/Notes"] = np.array(["\x1b]0;gone\x07"], dtype=object)
    assert [event.number for event in read(tmp_path / "hostile.h5")] == [1]
    for options in ((), ("--event", "1"), ("--json",)):
        assert run(["events", "read", str(tmp_path / "hostile.h5"), *options]) == 0
        assert "\x1b" not in capsys.readouterr().out


def test_a_file_that_goes_while_it_is_read_or_shrinks_is_one_sentence(tmp_path: Path) -> None:
    path, _ = made_1b(tmp_path)
    events = archive.read_events(path)
    path.unlink()
    with pytest.raises(UnreadableSource, match="cannot be"):
        list(events)


def test_events_come_one_at_a_time(tmp_path: Path) -> None:
    n = 400
    waveforms = {"TOF_High": np.ones((n, 8189))}
    variables = [Variable("epoch", TIME_TT2000, T0 + np.arange(n), {}),
                 Variable("TOF_High", DOUBLE, waveforms["TOF_High"], {"UNITS": "mA"})]  # fmt: skip
    write_cdf(tmp_path / "long.cdf", {}, variables)
    size = waveforms["TOF_High"].nbytes
    del waveforms, variables
    tracemalloc.start()
    try:
        assert sum(1 for _ in archive.read_events(tmp_path / "long.cdf")) == n
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < size / 2


def test_the_command_lists_tells_and_joins(held: Held, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def call(*arguments: object, code: int = 0) -> str:
        assert run(["--home", str(tmp_path / "no-archive"), "events", "read", *map(str, arguments)]) == code
        said = capsys.readouterr()
        return said.out or said.err

    two, one = held.products["l2a_sci"], held.products["l1a_sci"]
    listed = call(two).splitlines()
    assert len(listed) == 9
    assert listed[0].split()[:4] == ["number", "identity", "time", "tt2000"]
    table = call(two, "--join", one, "--format", "csv").splitlines()
    assert len(table) == 9
    assert "HMLhlg" in "\n".join(table)
    rows = [json.loads(line) for line in call(two, "--join", one, "--json").splitlines()]
    assert len(rows) == 8
    dusty = max(rows, key=lambda row: len(row["lines"] or ()))
    assert dusty["waveforms"]["TOF_High"]["samples"] == 8189
    assert "values" not in dusty["waveforms"]["TOF_High"]
    told = call(two, "--event", dusty["number"])
    assert "join the level-1A or level-1B file" in told
    assert dusty["identity"] in told
    (full,) = (json.loads(x) for x in call(one, "--event", 0, "--json", "--waveforms").splitlines())
    held_samples = [each for each in full["waveforms"].values() if each]
    assert held_samples
    assert all(len(each["values"]) == len(each["t"]) == each["samples"] for each in held_samples)
    assert "has no event 99" in call(one, "--event", 99, code=1)
    assert "--waveforms goes with --json" in call(one, "--waveforms", code=2)
    assert not (tmp_path / "no-archive").exists()
    assert full["time"].endswith("Z")
