"""XTCE definitions for tests, written out as text."""

from __future__ import annotations

PRIMARY = (
    ("VERSION", 3),
    ("TYPE", 1),
    ("SEC_HDR_FLG", 1),
    ("PKT_APID", 11),
    ("SEQ_FLGS", 2),
    ("SRC_SEQ_CTR", 14),
    ("PKT_LEN", 16),
)


def integer(name: str, width: int, *, encoding: str = "unsigned", order: str = "most", inside: str = "") -> str:
    return (
        f'<xtce:IntegerParameterType name="{name}_T"><xtce:UnitSet><xtce:Unit>V</xtce:Unit></xtce:UnitSet>'
        f'<xtce:IntegerDataEncoding sizeInBits="{width}" encoding="{encoding}" '
        f'byteOrder="{order}SignificantByteFirst">{inside}</xtce:IntegerDataEncoding></xtce:IntegerParameterType>'
    )


def real(name: str, width: int, *, encoding: str = "IEEE754", order: str = "most", inside: str = "") -> str:
    return (
        f'<xtce:FloatParameterType name="{name}_T"><xtce:FloatDataEncoding sizeInBits="{width}" encoding="{encoding}" '
        f'byteOrder="{order}SignificantByteFirst">{inside}</xtce:FloatDataEncoding></xtce:FloatParameterType>'
    )


def enumerated(name: str, width: int, labels: dict[int, str]) -> str:
    texts = "".join(f'<xtce:Enumeration value="{value}" label="{text}"/>' for value, text in labels.items())
    return (
        f'<xtce:EnumeratedParameterType name="{name}_T"><xtce:IntegerDataEncoding sizeInBits="{width}" '
        f'encoding="unsigned"/><xtce:EnumerationList>{texts}</xtce:EnumerationList></xtce:EnumeratedParameterType>'
    )


def boolean(name: str, width: int) -> str:
    return (
        f'<xtce:BooleanParameterType name="{name}_T"><xtce:IntegerDataEncoding sizeInBits="{width}" '
        f'encoding="unsigned"/></xtce:BooleanParameterType>'
    )


def binary(name: str, width: int) -> str:
    return (
        f'<xtce:BinaryParameterType name="{name}_T"><xtce:BinaryDataEncoding><xtce:SizeInBits>'
        f"<xtce:FixedValue>{width}</xtce:FixedValue></xtce:SizeInBits></xtce:BinaryDataEncoding>"
        f"</xtce:BinaryParameterType>"
    )


def sized(name: str, reference: str, slope: int, intercept: int) -> str:
    return (
        f'<xtce:BinaryParameterType name="{name}_T"><xtce:BinaryDataEncoding><xtce:SizeInBits><xtce:DynamicValue>'
        f'<xtce:ParameterInstanceRef parameterRef="{reference}" useCalibratedValue="false"/>'
        f'<xtce:LinearAdjustment slope="{slope}" intercept="{intercept}"/></xtce:DynamicValue></xtce:SizeInBits>'
        f"</xtce:BinaryDataEncoding></xtce:BinaryParameterType>"
    )


def text(name: str, width: int, inside: str = "") -> str:
    return (
        f'<xtce:StringParameterType name="{name}_T"><xtce:StringDataEncoding encoding="ISO-8859-1"><xtce:SizeInBits>'
        f"<xtce:Fixed><xtce:FixedValue>{width}</xtce:FixedValue></xtce:Fixed>{inside}</xtce:SizeInBits>"
        f"</xtce:StringDataEncoding></xtce:StringParameterType>"
    )


def polynomial(*coefficients: float) -> str:
    terms = "".join(f'<xtce:Term exponent="{i}" coefficient="{c!r}"/>' for i, c in enumerate(coefficients))
    inside = f"<xtce:PolynomialCalibrator>{terms}</xtce:PolynomialCalibrator>"
    return f"<xtce:DefaultCalibrator>{inside}</xtce:DefaultCalibrator>"


def spline(points: list[tuple[float, float]], order: int, *, extrapolate: bool) -> str:
    inside = "".join(f'<xtce:SplinePoint raw="{x!r}" calibrated="{y!r}"/>' for x, y in points)
    return (
        f'<xtce:DefaultCalibrator><xtce:SplineCalibrator order="{order}" extrapolate="{str(extrapolate).lower()}">'
        f"{inside}</xtce:SplineCalibrator></xtce:DefaultCalibrator>"
    )


def equal(parameter: str, value: object, *, calibrated: bool = False, how: str = "==") -> str:
    how = how.replace("<", "&lt;").replace(">", "&gt;")
    return (
        f'<xtce:Comparison parameterRef="{parameter}" value="{value}" comparisonOperator="{how}" '
        f'useCalibratedValue="{str(calibrated).lower()}"/>'
    )


def container(name: str, entries: list[str], base: str = "", criteria: str = "", *, abstract: bool = False) -> str:
    inside = "".join(
        f'<xtce:ContainerRefEntry containerRef="{entry[1:]}"/>'
        if entry.startswith("@")
        else f'<xtce:ParameterRefEntry parameterRef="{entry}"/>'
        for entry in entries
    )
    inherits = (
        f'<xtce:BaseContainer containerRef="{base}"><xtce:RestrictionCriteria>{criteria}</xtce:RestrictionCriteria>'
        f"</xtce:BaseContainer>"
        if base
        else ""
    )
    return (
        f'<xtce:SequenceContainer name="{name}" abstract="{str(abstract).lower()}">'
        f"<xtce:EntryList>{inside}</xtce:EntryList>{inherits}</xtce:SequenceContainer>"
    )


def definition(types: dict[str, str], containers: list[str], *, head: str = "") -> bytes:
    """Return a definition of the parameters `types` (name -> type) and the primary header."""
    types = {name: integer(name, width) for name, width in PRIMARY} | types
    parameters = "".join(f'<xtce:Parameter name="{name}" parameterTypeRef="{name}_T"/>' for name in types)
    primary = container("CCSDSPacket", [name for name, _ in PRIMARY], abstract=True)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{head}'
        f'<xtce:SpaceSystem xmlns:xtce="http://www.omg.org/spec/XTCE/20180204" name="TEST"><xtce:TelemetryMetaData>'
        f"<xtce:ParameterTypeSet>{''.join(types.values())}</xtce:ParameterTypeSet>"
        f"<xtce:ParameterSet>{parameters}</xtce:ParameterSet>"
        f"<xtce:ContainerSet>{primary}{''.join(containers)}</xtce:ContainerSet>"
        f"</xtce:TelemetryMetaData></xtce:SpaceSystem>"
    ).encode()
