"""CDF files as the flight pipeline delivers them, by the lists of section 21.1 of the IDEX science definition."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archive.formats.cdf import CHAR, DOUBLE, INT8, TIME_TT2000, UINT1, Variable, write_cdf
from archive.instruments.idex.calibration import HOUSEKEEPING, newest

INT_FILL, FILL = np.iinfo(np.int64).min, -1e31
T0 = 826_000_000_000_000_000

HIGH, LOW = 40, 16
CHANNELS = {"TOF_High": HIGH, "TOF_Mid": HIGH, "TOF_Low": HIGH, "Target_Low": LOW, "Target_High": LOW, "Ion_Grid": LOW}
FLAGS = ("science_event", "noise_capture", "pulser", "dust_hit", *(f"{name.lower()}_saturation" for name in CHANNELS))
ANGLES = ("longitude", "latitude", "solar_longitude", "spin_phase")
EPHEMERIS = tuple(f"ephemeris_{what}_{axis}" for what in ("position", "velocity") for axis in "xyz")
GAINS = ("hg", "mg", "lg")
PEAKS = ("area_under_fit", "chi_square", "reduced_chi_square")
PULSES = ("target_low", "target_high", "ion_grid")


def filled(values: Any) -> NDArray[np.float64]:
    held = np.asarray(values, dtype=np.float64)
    return np.where(np.isfinite(held), held, FILL)


def double(name: str, values: Any, **attributes: Any) -> Variable:
    return Variable(name, DOUBLE, filled(values), {"FILLVAL": FILL, "DEPEND_0": "epoch", **attributes})


def whole(name: str, values: Any, fill: int = INT_FILL) -> Variable:
    return Variable(name, INT8, np.asarray(values, dtype=np.int64), {"FILLVAL": fill, "DEPEND_0": "epoch"})


def common(n: int, epoch: Any, rng: np.random.Generator) -> list[Variable]:
    """What level 1B and level 2A have both."""
    flags = [
        Variable(f"{name}_flag", UINT1, np.full(n, name == "science_event", np.uint8), {"FILLVAL": 255})
        for name in FLAGS
    ]
    text = {"FILLVAL": " ", "VAR_TYPE": "metadata"}
    return [
        Variable("epoch", TIME_TT2000, np.asarray(epoch, dtype=np.int64), {"FILLVAL": INT_FILL}),
        *flags,
        *(double(name, rng.normal(size=n), UNITS="km") for name in EPHEMERIS),
        *(double(name, rng.uniform(0, 360, n), UNITS="degrees") for name in ANGLES),
        *(double(name, rng.normal(size=n)) for name in newest(HOUSEKEEPING)["values"]),
        whole("shcoarse", 510_000_000 + np.arange(n), 4294967295), whole("shfine", np.arange(n), 65535),
        whole("aid", np.full(n, 7)), double("dead_time", np.full(n, 1e-3)),
        *(Variable(f"trigger_mode_{gain}", CHAR, np.array(["HGThreshold"] * n), text, width=11) for gain in GAINS),
        *(double(f"trigger_level_{gain}", np.full(n, np.nan)) for gain in GAINS),
        Variable("trigger_origin", CHAR, np.array(["SW trigger"] * n), text, width=10),
    ]  # fmt: skip


def level_1b(path: Path, waveforms: Mapping[str, Any], epoch: Any, *, source: str = "imap_idex_l1b_sci-10days") -> Path:
    """Write a level-1B file; VALIDMAX of its waveforms is that of counts, as it is in delivered files."""
    rng = np.random.default_rng(1)
    n = len(epoch)
    axes = {"high": np.arange(HIGH) / 260 - 1.5, "low": np.arange(LOW) / 4.0625 - 2.0}
    variables = common(n, epoch, rng)
    for rate, axis in axes.items():
        name = f"time_{rate}_sample_rate"
        index = np.arange(axis.size, dtype=np.int64)
        variables.append(Variable(f"{name}_index", INT8, index, {"FILLVAL": INT_FILL}, varies=False))
        shifted = axis + 0.01 * np.arange(n)[:, None]
        variables.append(double(name, shifted, UNITS="microseconds", DEPEND_1=f"{name}_index"))
    for name, values in waveforms.items():
        unit = "mA" if name.startswith("TOF") else "pC"
        variables.append(double(name, values, UNITS=unit, VALIDMIN=0.0, VALIDMAX=4095.0, VAR_TYPE="data"))
    write_cdf(path, {"Logical_source": source}, variables)
    return path


def level_2a(path: Path, epoch: Any, **given: Any) -> Path:
    """Write a level-2A file whose time-of-flight variables are filled, as established ones are; `given` replaces."""
    rng = np.random.default_rng(2)
    n = len(epoch)
    held: dict[str, Any] = {
        "tof_snr": np.full(n, np.nan), "tof_peak_kappa": np.full(n, np.nan),
        "tof_peak_fit_parameters": np.full((n, 500, 3), np.nan),
        **{f"tof_peak_{name}": np.full((n, 500), np.nan) for name in PEAKS},
        "mass_scale": np.full((n, HIGH), np.nan), "mass": np.full((n, HIGH), np.nan),
    }  # fmt: skip
    for channel in PULSES:
        held[f"{channel}_fit_parameters"] = rng.normal(size=(n, 5))
        held[f"{channel}_fit_results"] = rng.normal(size=(n, LOW))
        for name in ("impact_charge", "velocity_estimate", "dust_mass_estimate", "chi_squared", "reduced_chi_squared"):
            held[f"{channel}_{name}"] = rng.uniform(1, 2, n)
    held |= given
    variables = common(n, epoch, rng)
    # The array depends on a name that no variable has: the index is peak_fit_parameter_index.
    depends = {"tof_peak_fit_parameters": "peak_fit_parameters_index"}
    variables += [double(name, values, DEPEND_2=depends.get(name, "mass_index")) for name, values in held.items()]
    for index, labels in (("peak_fit_parameter", ("mu", "sigma", "lambda")), ("target_fit_parameter", (
            "time_of_impact", "constant_offset", "amplitude", "rise_time", "discharge_time"))):  # fmt: skip
        numbers = np.arange(len(labels), dtype=np.int64)
        variables.append(Variable(f"{index}_index", INT8, numbers, {"FILLVAL": INT_FILL}, varies=False))
        variables.append(Variable(f"{index}_labels", CHAR, np.array(labels), {}, False, 15))
    write_cdf(path, {"Logical_source": "imap_idex_l2a_sci-10days"}, variables)
    return path


def established_l1a(path: Path, about: Mapping[str, Mapping[str, Any]], n: int, high: int) -> dict[str, NDArray[Any]]:
    """Write a level-1A file with every variable of an established product; return what was written."""
    rng = np.random.default_rng(3)
    sizes = {"epoch": n, "time_high_sample_rate_index": high, "time_low_sample_rate_index": LOW}
    written: dict[str, NDArray[Any]] = {}
    variables = []
    for name, facts in about.items():
        shape = tuple(sizes[each] for each in facts["dims"])
        attributes = {
            key: facts[key] for key in ("FILLVAL", "UNITS", "VALIDMIN", "VALIDMAX") if facts.get(key) is not None
        }
        varies = facts["dims"][0] == "epoch"
        values: NDArray[Any]
        if name == "epoch":
            values, kind = T0 + 1_000_000 * np.arange(n), TIME_TT2000
        elif facts["dtype"].startswith("<U"):
            values, kind = np.full(shape, "ON"), CHAR
        elif facts["dtype"] == "float64":
            values, kind = np.sort(rng.uniform(-100, 100, shape), axis=-1), DOUBLE
        elif facts["dtype"] == "uint8":
            values, kind = rng.integers(0, 2, shape).astype(np.uint8), UINT1
        else:
            values, kind = rng.integers(0, 1000, shape), INT8
        written[name] = values
        variables.append(Variable(name, kind, values, attributes, varies, 2 if kind == CHAR else 1))
    write_cdf(path, {"Logical_source": "imap_idex_l1a_sci-10days"}, variables)
    return written
