"""Faithful simulated captures of IDEX, with the truth about them.

``simulate(out, Options(events=100, seed=1))`` writes a capture; ``read_truth(out)`` says what is in it. What the
particles do to the channels is in `particles` and `waveforms`, how that becomes packets in `headers`, `packets` and
`background`, in what order in `scenario`, what goes wrong in `damage`.
"""

from archive.instruments.idex.simulate.capture import Capture, simulate
from archive.instruments.idex.simulate.options import KINDS, SHARES, Options
from archive.instruments.idex.simulate.truth import Truth, read_truth

__all__ = ["KINDS", "SHARES", "Capture", "Options", "Truth", "read_truth", "simulate"]
