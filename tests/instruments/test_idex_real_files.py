"""Every check of the IDEX packet definition, section 14, on every real file."""

from __future__ import annotations

import numpy as np
import pytest

from archive.instruments.idex import axes, rows
from archive.instruments.idex.calibration import housekeeping
from archive.instruments.idex.capture import read_capture
from archive.instruments.idex.flags import NOISE, PULSER, SCIENCE
from archive.instruments.idex.layout import CHANNELS, DT_HIGH, DT_LOW
from archive.instruments.idex.time import FIXED_CLOCK
from tests.data import data_path
from tests.instruments import idex_files as files

each_file = pytest.mark.parametrize("name", files.FILES)
each_event_file = pytest.mark.parametrize("name", files.EVENT_FILES)
each_l1a_file = pytest.mark.parametrize("name", files.L1A_FILES)


@each_file
def test_packets_are_counted_and_every_checksum_matches(name: str) -> None:
    counts = read_capture(files.data(name)).apids
    assert dict(zip(counts["apid"], counts["n_packets"], strict=True)) == files.PACKETS[name]
    assert counts["n_crc_failed"] == [0] * len(counts["apid"])
    assert sum(counts["n_bytes"]) + (4 * 13 if name.endswith(".spl") else 0) == files.path(name).stat().st_size


@each_event_file
def test_every_header_field_is_that_of_the_reference(name: str) -> None:
    events = files.decoded(name).events
    expected = sorted(files.reference(name, "headers.json")["events"], key=lambda header: header["SRC_SEQ_CTR"])
    order = np.argsort(events.header["src_seq_ctr"], kind="stable")
    framing = {"VERSION", "TYPE", "SEC_HDR_FLG", "SEQ_FLGS", "PKT_LEN"}
    for header, row in zip(expected, order, strict=True):
        checked = 0
        for field in header.keys() - framing:
            ours = field.removeprefix("IDX__").replace("FETHDR", "TXHDR").replace("SCIFETCH", "SCI0").lower()
            value = int(events.header[ours][row])
            if ours == "txhdrsp04":  # the reference reads the stimulus bit as part of the spare
                value |= int(events.header["txhdrstimpulse"][row]) << 21
            assert value == header[field], field
            checked += 1
        assert checked > 90


@each_event_file
def test_every_sample_is_that_of_the_independent_decoder(name: str) -> None:
    ours, reference = files.decoded(name), files.reference(name, "full8192.npz")
    assert len(ours) == files.EVENTS[name]
    order = np.argsort(ours.events.header["txhdrevtnum"], kind="stable")
    theirs = np.argsort(reference["event_number"], kind="stable")
    for channel in CHANNELS:
        np.testing.assert_array_equal(ours.samples[channel.name][order], reference[channel.name][theirs])
    assert ours.present.all()
    assert not ours.damaged.any()


@each_l1a_file
def test_established_level_1a_holds_the_same_samples_epochs_and_flags(name: str) -> None:
    ours, reference = files.decoded(name), files.reference(name, "l1a.npz")
    for index, channel in enumerate(CHANNELS):
        theirs = reference[channel.name]
        np.testing.assert_array_equal(ours.samples[channel.name][:, : theirs.shape[1]], theirs)
        saturated = reference[f"{channel.name.lower()}_saturation_flag"]
        np.testing.assert_array_equal(ours.saturated[:, index], saturated)
    assert np.abs(ours.events.tt2000 - reference["epoch"]).max() < 200
    for kind, flag in ((SCIENCE, "science_event"), (NOISE, "noise_capture"), (PULSER, "pulser")):
        np.testing.assert_array_equal(ours.events.kind == kind, reference[f"{flag}_flag"])
    np.testing.assert_array_equal(ours.dust_hit, reference["dust_hit_flag"])


@each_l1a_file
def test_established_time_axes_come_out_in_their_convention(name: str) -> None:
    """Ours differ for Mid-triggered events of the ramp file only: the established delay field is the wrong one."""
    events, reference = files.decoded(name).events, files.reference(name, "l1a.npz")
    delay = axes.delay(events.header["txhdrtrigid"], events.header["txhdrsampdelay"], "established")
    t0 = axes.t0_high(events.header["txhdrhspreblocks"], delay, "established")
    high, low = axes.axis(t0, DT_HIGH, 8189), axes.axis(events.t0_low, DT_LOW, 512)
    np.testing.assert_allclose(high[:, 0], reference["time_high_sample_rate_first"], atol=1e-9)
    np.testing.assert_allclose(high[:, -1], reference["time_high_sample_rate_last"], atol=1e-9)
    np.testing.assert_allclose(high[0], reference["time_high_sample_rate_event0"], atol=1e-9)
    np.testing.assert_allclose(low[:, 0], reference["time_low_sample_rate_first"], atol=1e-9)
    np.testing.assert_allclose(low[0], reference["time_low_sample_rate_event0"], atol=1e-9)
    differs = ~np.isclose(events.t0_high, t0, atol=1e-9)
    mid = events.header["txhdrtrigid"] == 4
    assert not differs[~mid].any()
    if name == "sciData_2023_052_14_45_05":
        assert sorted(events.header["txhdrevtnum"][differs]) == [0, 1, 3, 5]


def test_every_tof_triggered_event_crosses_its_level_two_samples_before_zero() -> None:
    threshold, triggered = 1, {1: ("TOF_High", "hg"), 4: ("TOF_Mid", "mg")}
    seen = {"TOF_High": 0, "TOF_Mid": 0}
    for name in files.EVENT_FILES:
        ours = files.decoded(name)
        header = ours.events.header
        for row, trigger in enumerate(header["txhdrtrigid"].tolist()):
            if trigger not in triggered:
                continue
            channel, gain = triggered[trigger]
            if header[f"txhdr{gain}trigmode"][row] != threshold:
                continue
            samples, level = ours.samples[channel][row], header[f"txhdr{gain}triglvl"][row]
            first = 512 * (int(header["txhdrhspreblocks"][row]) + 1) - int(ours.events.delay[row]) - 1
            assert samples[first - 1] <= level < samples[first]
            if name != "sciData_2023_052_14_45_05":  # the ramp pattern has crossed its level before
                assert samples[:first].max() <= level
            assert ours.events.t0_high[row] + first * DT_HIGH == pytest.approx(-2 * DT_HIGH)
            seen[channel] += 1
    assert seen == {"TOF_High": 36, "TOF_Mid": 4}


@pytest.mark.parametrize("day", ["20230725", "20231218"])
def test_the_fourteenth_event_is_the_one_the_instrument_team_confirmed(day: str) -> None:
    expected = np.loadtxt(data_path(f"idex/impact_14_tof_high_data_{day}.txt"))
    ours = files.decoded(f"imap_idex_l0_raw_{day}_v001.pkts").samples["TOF_High"][13, :8189]
    np.testing.assert_array_equal(ours, expected)


def test_compressed_and_plain_downlinks_of_the_same_events_agree() -> None:
    plain, coded = (files.decoded(name) for name in files.EVENT_FILES[2:4])
    assert plain.events.identity == coded.events.identity
    assert coded.events.header["sci0comp"].all()
    assert not plain.events.header["sci0comp"].any()
    for channel in CHANNELS:
        np.testing.assert_array_equal(plain.samples[channel.name], coded.samples[channel.name])


@pytest.mark.parametrize("name", [files.EVENT_FILES[0], files.EVENT_FILES[1], "imap_idex_l0_raw_20250108_v001.pkts"])
def test_event_messages_read_as_in_the_reference(name: str) -> None:
    columns = rows.message_columns(read_capture(files.data(name)))
    _, texts = rows.message_rows(columns, FIXED_CLOCK)
    reference = files.reference(name, "messages.json")
    assert texts == reference["messages"]
    assert columns["seconds"].tolist() == reference["elsec"]
    assert columns["counts"].tolist() == reference["elssec"]
    tt2000 = FIXED_CLOCK.tt2000(columns["seconds"], columns["counts"])
    assert np.abs(tt2000 - np.array(reference["epoch"])).max() < 200


def test_the_catalogue_list_reads_as_in_the_reference() -> None:
    name = "imap_idex_l0_raw_20241206_v001.pkts"
    capture = read_capture(files.data(name))
    entries = rows.catalogue_rows(capture, FIXED_CLOCK)
    fields = {field: values[0] for field, values in files.reference(name, "catalogue.json")["fields"].items()}
    assert len(entries.index) == fields["lstvldcnt"] // 4 == 1
    for column, field in (
        ("aid", "aid"),
        ("processed", "proc"),
        ("blocks", "blkcnt"),
        ("events", "evtcnt"),
        ("first_block", "blkstrt"),
        ("last_block", "blkend"),
        ("start_met", "strttm"),
    ):
        assert entries.columns[column][0] == fields[f"catlst{field}0"]
    assert entries.columns["region"][0] == fields["lstrgn"]


@pytest.mark.parametrize("name", files.EVENT_FILES[:2])
def test_housekeeping_shows_the_bus_voltages_of_the_laboratory(name: str) -> None:
    values = housekeeping(files.decoded(name).events.header)
    assert len(values) == 32
    for quantity, expected, tolerance in (
        ("voltage_1v_bus", 1.00, 0.01),
        ("voltage_1p9v_bus", 1.877, 0.01),
        ("voltage_3p3v_bus", 3.29, 0.02),
        ("voltage_neg6v_bus", -6.39, 0.05),
        ("voltage_pos6v_bus", 6.34, 0.05),
        ("voltage_pos16v_bus", 15.33, 0.2),
        ("voltage_neg5v_bus", -5.03, 0.05),
        ("voltage_pos5v_bus", 5.06, 0.05),
        ("fpga_temperature", 47, 4),
    ):
        np.testing.assert_allclose(values[quantity], expected, atol=tolerance, err_msg=quantity)


def test_the_worked_example_has_the_stated_time() -> None:
    events = files.decoded(files.EVENT_FILES[1]).events
    assert events.tt2000[0] == 756192899758080000
    assert str(events.utc[0]) == "2023-12-18T17:33:50.574080000"
    assert events.t0_high[0] == pytest.approx(-7.576923, abs=1e-6)
    assert events.t0_low[0] == pytest.approx(-63.015385, abs=1e-6)
