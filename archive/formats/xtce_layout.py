"""An XTCE container flattened into fields: where each parameter lies, how it is coded and how it is calibrated.

XTCE: CCSDS 660.1-G-2 (green book). Parameters follow one another without alignment; the place of a parameter is fixed
until a field of variable size comes, and counts from the end of that field afterwards (`Field.segment`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from space_packet_parser.xtce import calibrators, encodings, parameter_types
from space_packet_parser.xtce.containers import SequenceContainer
from space_packet_parser.xtce.parameters import Parameter

from archive.formats.xtce import Definition

Kind = Literal["uint", "int", "float", "mil1750a", "text", "bytes"]
WORD = 64


@dataclass(frozen=True, slots=True)
class Size:
    """Size of a variable field in bits: ``slope * parameter + intercept``."""

    parameter: str
    slope: float
    intercept: float
    calibrated: bool


@dataclass(frozen=True, slots=True)
class Field:
    """One parameter of a layout.

    Attributes
    ----------
    bit
        First bit: from the start of the packet in segment 0, else from the end of variable field ``segment - 1``.
    width
        Bits; 0 for a field of variable size.
    kind
        How the raw value is coded. Integers above 64 bits are ``bytes``.
    little
        Least significant byte first.
    calibrator
        Model of the calibration, or ``None``.
    conditional
        Whether other parameters choose among further calibrations.
    labels
        Raw value -> text of an enumeration, or ``None``.
    """

    name: str
    bit: int
    width: int
    kind: Kind
    segment: int = 0
    little: bool = False
    calibrator: calibrators.Calibrator | None = None
    conditional: bool = False
    labels: Mapping[Any, str] | None = None
    boolean: bool = False
    size: Size | None = None
    charset: str = ""
    unit: str = ""
    description: str = ""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the raw column; ``S`` and ``V`` never occur: text and bytes are ``(n, k)`` uint8."""
        if self.kind in ("text", "bytes"):
            return np.dtype(np.uint8)
        if self.kind == "mil1750a":
            return np.dtype(np.float64)
        size = 1
        while 8 * size < (8 * ((self.width + 7) // 8) if self.little else self.width):
            size *= 2
        return np.dtype(f"{self.kind[0]}{size}")

    def calibrate(self, raw: NDArray[Any]) -> NDArray[np.float64] | None:
        """Return the calibrated values of `n` raw values, or ``None`` when there is no calibration.

        Values outside a spline that must not be extrapolated become NaN.
        """
        if self.calibrator is None or raw.ndim != 1:
            return None
        value = raw.astype(np.float64)
        if isinstance(self.calibrator, calibrators.PolynomialCalibrator):
            total = np.zeros(len(value))
            with np.errstate(all="ignore"):
                for coefficient, exponent in self.calibrator.coefficients:
                    total += coefficient * value**exponent
            return total
        return _spline(self.calibrator, value)

    def label(self, raw: Any) -> str | None:
        """Return the text of one raw value of an enumeration, or ``None`` when it has none."""
        return None if self.labels is None else self.labels.get(raw)


@dataclass(slots=True)
class Layout:
    """The fields of a container with everything it inherits.

    Attributes
    ----------
    words
        Containers of at most 64 bits that were put in as a whole: overlays on the fields they are made of.
    ends
        Bits of each segment, the last one included.
    reason
        Why packets of this layout cannot be read in columns; empty when they can.
    """

    name: str
    path: tuple[str, ...]
    fields: list[Field] = field(default_factory=list)
    words: list[Field] = field(default_factory=list)
    ends: list[int] = field(default_factory=lambda: [0])
    reason: str = ""

    def find(self, name: str) -> Field | None:
        """Return the last field of that name."""
        return next((f for f in reversed(self.fields) if f.name == name), None)

    @property
    def variable(self) -> list[Field]:
        """Fields of variable size, in order; field ``k`` ends segment ``k``."""
        return [f for f in self.fields if f.size is not None]


def flatten(definition: Definition, container: str) -> Layout:
    """Return the layout of a container: its own entries behind those of the containers it inherits from."""
    path = [container]
    while base := definition.model.containers[path[0]].base_container_name:
        path.insert(0, base)
    layout = Layout(container, tuple(path))
    for name in path:
        _add_entries(layout, definition.model.containers[name])
    return layout


def _add_entries(layout: Layout, container: SequenceContainer) -> None:
    for entry in container.entry_list:
        if isinstance(entry, Parameter):
            _add_parameter(layout, entry)
            continue
        segment, bit = len(layout.ends) - 1, layout.ends[-1]
        _add_entries(layout, entry)
        width = layout.ends[-1] - bit
        if len(layout.ends) - 1 == segment and 0 < width <= WORD:
            text = entry.short_description or entry.long_description or ""
            layout.words.append(Field(entry.name, bit, width, "uint", segment, description=text))


def _add_parameter(layout: Layout, parameter: Parameter) -> None:
    kind = parameter.parameter_type
    code = kind.encoding
    units = kind.unit if isinstance(kind.unit, tuple) else (kind.unit or "",)
    about: dict[str, Any] = {
        "name": parameter.name,
        "bit": layout.ends[-1],
        "segment": len(layout.ends) - 1,
        "labels": getattr(kind, "enumeration", None),
        "boolean": isinstance(kind, parameter_types.BooleanParameterType),
        "unit": " ".join(str(unit) for unit in units),  # the library hands out texts that still hang on the XML
        "description": " ".join((parameter.long_description or parameter.short_description or "").split()),
    }
    if isinstance(code, encodings.NumericDataEncoding):
        about |= _numeric(code)
        if code.context_calibrators:
            layout.reason = layout.reason or f"the calibration of {parameter.name} depends on other parameters"
    elif isinstance(code, encodings.StringDataEncoding):
        about |= {"kind": "text", "width": code.fixed_length or 0, "charset": code.encoding}
        if not code.fixed_length or code.fixed_length % 8 or code.termination_character or code.leading_length_size:
            layout.reason = layout.reason or f"text {parameter.name} has no fixed length"
    else:
        about |= {"kind": "bytes", "width": code.fixed_size_in_bits or 0}
        if code.fixed_size_in_bits is None:
            about["size"] = _size(code)
            if about["size"] is None:
                layout.reason = layout.reason or f"the size of {parameter.name} is looked up"
    made = Field(**about)
    layout.fields.append(made)
    layout.ends[-1] += made.width
    if made.size is not None:
        layout.ends.append(0)


def _numeric(code: encodings.NumericDataEncoding) -> dict[str, Any]:
    """Return kind, width, byte order and calibrator of a numeric encoding."""
    kind: Kind = "float"
    if isinstance(code, encodings.IntegerDataEncoding):
        kind = "uint" if code.encoding == "unsigned" else "int"
        if code.size_in_bits > WORD:
            kind = "bytes"
    elif code.encoding == "MILSTD_1750A":
        kind = "mil1750a"
    return {
        "kind": kind,
        "width": code.size_in_bits,
        "little": code.byte_order == "leastSignificantByteFirst",
        "calibrator": code.default_calibrator,
        "conditional": bool(code.context_calibrators),
    }


def _size(code: encodings.BinaryDataEncoding) -> Size | None:
    """Return the size rule of a binary encoding, or ``None`` when it is not linear in one parameter."""
    if code.size_reference_parameter is None:
        return None
    slope, intercept = 1.0, 0.0
    if code.linear_adjuster is not None:
        intercept = float(code.linear_adjuster(0))
        slope = float(code.linear_adjuster(1)) - intercept
    return Size(code.size_reference_parameter, slope, intercept, code.use_calibrated_value)


def _spline(calibrator: calibrators.SplineCalibrator, value: NDArray[np.float64]) -> NDArray[np.float64]:
    """Evaluate a spline of order 0 (lower point) or 1 (straight lines)."""
    x = np.array([point.raw for point in calibrator.points], dtype=np.float64)
    y = np.array([point.calibrated for point in calibrator.points], dtype=np.float64)
    below = np.searchsorted(x, value, side="right") - 1
    if calibrator.order == 0 or len(x) < 2:
        out = y[np.clip(below, 0, len(x) - 1)]
    else:
        i = np.clip(below, 0, len(x) - 2)
        with np.errstate(all="ignore"):
            out = (y[i + 1] - y[i]) / (x[i + 1] - x[i]) * (value - x[i]) + y[i]
    return out if calibrator.extrapolate else np.where((value >= x[0]) & (value <= x[-1]), out, np.nan)
