"""What a fit says about itself: a set of bits, one word and one sentence for each.

The words are those of the IDEX science definition, sections 10.6 (lines) and 12 (pulses). A fit whose status has one of
the bits of `FAILED` gives no parameters; every other bit qualifies a result that is there.
"""

from __future__ import annotations

from typing import Final

OK: Final = 0
TOO_FEW: Final = 1 << 0
NONFINITE: Final = 1 << 1
NO_SIGNAL: Final = 1 << 2
MAX_ITER: Final = 1 << 3
LAMBDA_UNDETERMINED: Final = 1 << 4
SIGMA_AT_BOUND: Final = 1 << 5
LAMBDA_AT_BOUND: Final = 1 << 6
MU_AT_EDGE: Final = 1 << 7
SATURATED: Final = 1 << 8
OVERLAP: Final = 1 << 9
BAD_CHI2: Final = 1 << 10
OVERRIDE: Final = 1 << 11
NO_BASELINE: Final = 1 << 12
AT_BOUND: Final = 1 << 13
WEAK: Final = 1 << 14
AMBIGUOUS: Final = 1 << 15
SINGULAR: Final = 1 << 16

#: With one of these there is no result.
FAILED: Final = TOO_FEW | NONFINITE | NO_SIGNAL

#: Word and sentence of each bit.
MEANING: Final[dict[int, tuple[str, str]]] = {
    TOO_FEW: ("too_few", "there are fewer usable samples than the fit needs"),
    NONFINITE: ("nonfinite", "the window holds no finite sample"),
    NO_SIGNAL: ("no_signal", "there is no signal of the right sign in the window"),
    MAX_ITER: ("max_iter", "the fit did not converge within the permitted iterations"),
    LAMBDA_UNDETERMINED: ("lambda_undetermined", "the line has no measurable tail; its area stays reliable"),
    SIGMA_AT_BOUND: ("sigma_at_bound", "the width ended at the edge of its permitted range"),
    LAMBDA_AT_BOUND: ("lambda_at_bound", "the rate of the tail ended at the edge of its permitted range"),
    MU_AT_EDGE: ("mu_at_edge", "the location ended at the edge of the window"),
    SATURATED: ("saturated", "samples of the window are saturated"),
    OVERLAP: ("overlap", "the line was fitted together with its neighbours"),
    BAD_CHI2: ("bad_chi2", "the residuals are more than three times the noise"),
    OVERRIDE: ("override", "an analyst set the values"),
    NO_BASELINE: ("no_baseline", "the record holds too few samples before the onset for a baseline"),
    AT_BOUND: ("at_bound", "a parameter ended at the edge of its permitted range"),
    WEAK: ("weak", "the signal does not stand out of the noise; the charge is an upper limit"),
    AMBIGUOUS: ("ambiguous", "another solution fits about as well"),
    SINGULAR: ("singular", "the data do not determine every parameter, so there are no errors"),
}


def words(status: int) -> tuple[str, ...]:
    """Return the words of a status, ``("ok",)`` when no bit is set."""
    return tuple(word for bit, (word, _) in MEANING.items() if status & bit) or ("ok",)


def reason(status: int) -> str:
    """Return what a status says, for a person; empty when no bit is set."""
    return "; ".join(sentence for bit, (_, sentence) in MEANING.items() if status & bit)


def bits(text: str) -> int:
    """Return the status whose words stand in `text`, parted by blanks: the inverse of joining `words`.

    Raises
    ------
    ValueError
        For a word that is none of ours.
    """
    known = {word: bit for bit, (word, _) in MEANING.items()} | {"ok": OK}
    unknown = [word for word in text.split() if word not in known]
    if unknown:
        raise ValueError(f"no status is called {', '.join(unknown)}")
    total = OK
    for word in text.split():
        total |= known[word]
    return total
