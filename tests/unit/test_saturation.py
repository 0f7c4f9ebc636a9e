"""Saturation: the limits of the reference, masks and plateaus."""

from __future__ import annotations

import json

import numpy as np

from archive.numerics import saturation
from tests.data import data_path


def test_limits_and_runs_are_those_of_the_reference() -> None:
    reference = json.loads(data_path("idex-science/event-flags.json").read_text())
    for case in reference["saturation_limit"]:
        scale = saturation.FULL_SCALE[10 if case["channel"].startswith("tof") else 12]
        assert saturation.saturated_channel([0, case["maximum_dn"], 3], scale)[0] == bool(case["saturated"])
    for case in reference["run_lengths"]:
        assert saturation.longest_run(case["dn"])[0] == case["longest_equal_run"]
        found = saturation.plateaus(case["dn"])
        top = found.value == max(case["dn"])
        expected = [tuple(each) for each in case["plateaus_at_maximum_start_length"]]
        assert list(zip(found.start[top], found.length[top], strict=True)) == expected
    for event in reference["events"]:
        for channel in ("high", "mid", "low"):
            flag = event["flags"][f"tof_{channel}_saturation_flag"]
            assert saturation.saturated_channel(event[f"record_tof_{channel}_dn"], 1023)[0] == bool(flag)


def test_a_quiet_baseline_repeats_without_being_saturated() -> None:
    dn = np.array([511, 511, 511, 511, 512, 511, 511, 520, 511, 505])
    assert saturation.longest_run(dn)[0] == 4
    assert saturation.plateaus(dn).start.size == 0


def test_the_mask_is_widened_and_stays_in_the_record() -> None:
    dn = np.full((2, 12), 500)
    dn[0, [0, 6]] = 1000
    mask = saturation.saturated_samples(dn, 1023)
    assert np.flatnonzero(mask[0]).tolist() == [0, 1, 2, 4, 5, 6, 7, 8]
    assert not mask[1].any()


def test_bad_records_are_not_saturated() -> None:
    for dn in (np.full((1, 9), np.nan), np.empty((1, 0)), np.ones((1, 1)), np.full((1, 9), 7.0)):
        assert not saturation.saturated_channel(dn, 1023).any()
        assert saturation.plateaus(dn).start.size == 0
        assert saturation.saturated_samples(dn, 1023).shape == dn.shape
    assert saturation.longest_run(np.empty((2, 0))).tolist() == [0, 0]
