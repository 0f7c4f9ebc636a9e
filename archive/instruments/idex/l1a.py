"""The level-1A CDF product: one record an event, as in section 12 of the IDEX packet definition.

Waveforms have 8189 high-rate samples, the first of the 8192 that were received: established level-1A products have that
many, and readers rely on it. The HDF5 event product keeps all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archive.formats import cdf
from archive.instruments.idex import axes
from archive.instruments.idex.fields import ENUMERATIONS, FIELDS, Field
from archive.instruments.idex.layout import CHANNELS, DT_HIGH, DT_LOW, FILL, SAMPLES_HIGH_L1A, SAMPLES_LOW

INT_FILL = np.iinfo(np.int64).min
FLAG_FILL = 255

_HIGH, _LOW = "time_high_sample_rate_index", "time_low_sample_rate_index"

#: Parts of words that the product keeps whole, and packet fields that it does not carry.
_WHOLE = ("blocks", "hgtrigctrl1", "hgtrigctrl2", "lgtrigctrl1", "lgtrigctrl2", "mgtrigctrl1", "mgtrigctrl2", "lsadc")
_WHOLE_WORDS = {*(f"txhdr{name}" for name in _WHOLE), "txhdrsampdelay"}
_LEFT_OUT = {"pkt_apid", "src_seq_ctr", "sci0aid", "txhdrstimpulse"}

#: Largest valid values where established products state another one than the width of the field gives.
_ESTABLISHED_MAXIMUM = {
    "sci0cat": 65535,
    "txhdrsp02": 1,
    "txhdrsp03": 1,
    "txhdrtrigid": 1024,
    "txhdrsp04": 4194303,
}


def header_fields() -> tuple[Field, ...]:
    """Return the header fields of the product: 32-bit words whole, without their parts."""
    kept: list[Field] = []
    word_end = 0
    for field in FIELDS:
        inside = field.bit < word_end
        if field.name in _WHOLE_WORDS:
            word_end = field.bit + field.bits
        if not inside and field.name not in _LEFT_OUT:
            kept.append(field)
    return tuple(kept)


def variable_name(field: str) -> str:
    """Return the name a header field has in the product."""
    if field == "txhdrfswaidcopy":
        return "aid"
    return field if field in ("shcoarse", "shfine") else f"idx__{field}"


def variables(record: Mapping[str, Any]) -> Iterator[cdf.Variable]:
    """Yield the variables of ``n`` events, one at a time.

    Parameters
    ----------
    record
        ``tt2000`` (n,), ``header`` (columns), ``samples`` (channel name to int16 (n, samples)), ``present`` (n, 6),
        ``saturated`` (n, 6), ``kind`` (n,), ``dust_hit`` (n,), ``t0_high``, ``t0_low`` (n,).
    """
    yield epoch(record["tt2000"])
    yield from index_variables()
    for index, channel in enumerate(CHANNELS):
        samples: NDArray[np.int16] = record["samples"][channel.name]
        kept = samples[:, : SAMPLES_HIGH_L1A if channel.high_rate else SAMPLES_LOW]
        values = kept.astype(np.int64)
        values[~record["present"][:, index, None] | (kept == FILL)] = INT_FILL
        yield _waveform(channel.name, channel.title, channel.high_rate, values)
    for rate, t0, dt, count in (
        ("low", record["t0_low"], DT_LOW, SAMPLES_LOW),
        ("high", record["t0_high"], DT_HIGH, SAMPLES_HIGH_L1A),
    ):
        yield time_axis(rate, axes.axis(t0, dt, count))
    yield from flag_variables(record)
    for field in header_fields():
        yield _header_field(field, record["header"])


def epoch(tt2000: NDArray[np.int64], title: str = "Event time, Terrestrial Time since J2000") -> cdf.Variable:
    """Return the variable that gives each record its time (TT nanoseconds since J2000, shape (n,))."""
    attributes = {
        "CATDESC": title,
        "FIELDNAM": "epoch",
        "LABLAXIS": "epoch",
        "FILLVAL": INT_FILL,
        "FORMAT": " ",
        "MONOTON": "INCREASE",
        "SCALETYP": "linear",
        "TIME_BASE": "J2000",
        "TIME_SCALE": "Terrestrial Time",
        "REFERENCE_POSITION": "Rotating Earth Geoid",
        "UNITS": "ns",
        "VALIDMIN": 315576066184000000,
        "VALIDMAX": 3155716869184000000,
        "VAR_TYPE": "support_data",
    }
    return cdf.Variable("epoch", cdf.TIME_TT2000, tt2000, attributes)


def index_variables() -> Iterator[cdf.Variable]:
    """Yield index and label of the low-rate and the high-rate samples."""
    for rate, name, count, form in (("low", _LOW, SAMPLES_LOW, "I3"), ("high", _HIGH, SAMPLES_HIGH_L1A, "I4")):
        numbers = np.arange(count, dtype=np.int64)
        attributes = {
            "CATDESC": f"Index of the {rate}-rate samples",
            "FIELDNAM": name,
            "LABLAXIS": "sample",
            "FILLVAL": INT_FILL,
            "FORMAT": form,
            "SCALETYP": "linear",
            "UNITS": " ",
            "VALIDMIN": 0,
            "VALIDMAX": count - 1,
            "VAR_TYPE": "support_data",
        }
        yield cdf.Variable(name, cdf.INT8, numbers, attributes, varies=False)
        label = {
            "CATDESC": f"Label of the {rate}-rate samples",
            "FIELDNAM": name.replace("index", "label"),
            "DEPEND_1": name,
            "FORMAT": "A5",
            "VAR_TYPE": "metadata",
        }
        yield cdf.Variable(name.replace("index", "label"), cdf.CHAR, numbers.astype("U5"), label, False, 5)


def _waveform(name: str, title: str, high_rate: bool, values: NDArray[np.int64]) -> cdf.Variable:
    index = _HIGH if high_rate else _LOW
    attributes = {
        "CATDESC": f"{title}, raw samples",
        "FIELDNAM": name,
        "DEPEND_0": "epoch",
        "DEPEND_1": index,
        "DISPLAY_TYPE": "spectrogram",
        "FILLVAL": INT_FILL,
        "FORMAT": "I12",
        "LABL_PTR_1": index.replace("index", "label"),
        "UNITS": "dN",
        "VALIDMIN": 0,
        "VALIDMAX": 4096,
        "VAR_TYPE": "data",
    }
    return cdf.Variable(name, cdf.INT8, values, attributes)


def time_axis(rate: str, values: NDArray[np.float64]) -> cdf.Variable:
    """Return the times of the samples of one rate, ``low`` or ``high``, us from the trigger, shape (n, samples)."""
    name = f"time_{rate}_sample_rate"
    attributes = {
        "CATDESC": f"Time of the {rate}-rate samples from the trigger",
        "FIELDNAM": name,
        "LABLAXIS": "time",
        "DEPEND_0": "epoch",
        "DEPEND_1": f"{name}_index",
        "DISPLAY_TYPE": "no_plot",
        "FILLVAL": -1e31,
        "FORMAT": "F64.5",
        "SCALETYP": "linear",
        "UNITS": "microseconds",
        "VALIDMIN": -130.0,
        "VALIDMAX": 130.0,
        "VAR_TYPE": "data",
    }
    return cdf.Variable(name, cdf.DOUBLE, values, attributes)


def flag_variables(record: Mapping[str, Any]) -> Iterator[cdf.Variable]:
    """Yield the ten flags of ``n`` events: kind, dust hit, and saturation of each channel, 255 where it is missing."""
    for kind, name in enumerate(("science_event", "noise_capture", "pulser")):
        yield flag(f"{name}_flag", f"Whether the event is a {name.replace('_', ' ')}", record["kind"] == kind)
    yield flag("dust_hit_flag", "Whether the TOF record of a science event shows lines", record["dust_hit"])
    for index, channel in enumerate(CHANNELS):
        values = np.where(record["present"][:, index], record["saturated"][:, index], FLAG_FILL)
        text = f"Whether {channel.name} reaches 0.95 of full scale"
        yield flag(f"{channel.name.lower()}_saturation_flag", text, values)


def flag(name: str, text: str, values: NDArray[Any]) -> cdf.Variable:
    """Return one flag, 0, 1 or 255, shape (n,)."""
    attributes = {
        "CATDESC": text,
        "FIELDNAM": name,
        "LABLAXIS": "flag",
        "DEPEND_0": "epoch",
        "DISPLAY_TYPE": "no_plot",
        "FILLVAL": FLAG_FILL,
        "FORMAT": "I1",
        "UNITS": " ",
        "VALIDMIN": 0,
        "VALIDMAX": 1,
        "VAR_TYPE": "support_data",
    }
    return cdf.Variable(name, cdf.UINT1, values.astype(np.uint8), attributes)


def _header_field(field: Field, header: Mapping[str, NDArray[Any]]) -> cdf.Variable:
    name = variable_name(field.name)
    attributes: dict[str, Any] = {
        "CATDESC": field.meaning[:80],
        "FIELDNAM": name,
        "VAR_NOTES": field.meaning,
        "DEPEND_0": "epoch",
        "DISPLAY_TYPE": "no_plot",
    }
    if field.name in ENUMERATIONS:
        texts = np.array(ENUMERATIONS[field.name])
        attributes |= {"FILLVAL": " ", "FORMAT": "A3", "VAR_TYPE": "metadata"}
        return cdf.Variable(name, cdf.CHAR, texts[header[field.name]], attributes, width=texts.dtype.itemsize // 4)
    fill = {"shcoarse": 4294967295, "shfine": 65535}.get(field.name, INT_FILL)
    units = {"shcoarse": "seconds", "shfine": "microseconds"}.get(field.name, " ")
    attributes |= {
        "LABLAXIS": name,
        "FILLVAL": fill,
        "FORMAT": "I10",
        "UNITS": units,
        "VALIDMIN": 0,
        "VALIDMAX": _ESTABLISHED_MAXIMUM.get(field.name, (1 << field.bits) - 1),
        "VAR_TYPE": "support_data",
    }
    values = header[field.name].astype(np.int64)
    if field.name == "txhdrsp04":  # established products read the stimulus bit as the top bit of the spare
        values |= header["txhdrstimpulse"].astype(np.int64) << field.bits
    return cdf.Variable(name, cdf.INT8, values, attributes)
