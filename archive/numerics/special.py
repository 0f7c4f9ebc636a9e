"""Functions for compiled kernels that the compiler can turn into vector code: no branch, no call, no loop.

exp and erfcx are what an exponentially modified Gaussian consists of. The versions of the mathematical library cost a
call for each sample; these are straight lines of multiply-adds, so that a loop over samples runs several at a time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, cast

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import ArrayLike, NDArray

from archive.numerics.jit import inlined, kernel

#: A machine number inside a kernel; numba knows its type, the type checker need not.
Number = Any

#: Values beyond are no measurements, and their squares could overflow: they count as missing.
LARGEST: Final = 1e100

_SCALE = 2.5

#: (x + 2.5) erfcx(x) as a polynomial in (x - 2.5)/(x + 2.5), lowest power first: a Chebyshev fit made for this module.
#: The substitution is that of Shepherd and Laframboise, Mathematics of Computation 36 (1981) 249.
_C = (
    1.0540318203057186,
    -0.8046518494391484,
    0.45391411664801395,
    -0.17125114524614915,
    0.02836155013534292,
    0.008393044304837161,
    -0.00481878558076498,
    -0.0004392082999256441,
    0.0007026942356099157,
    5.830806317625265e-05,
    -0.00011260751608988695,
    -1.95333712906929e-05,
    1.8253319871987638e-05,
    6.757455108692547e-06,
    -2.3520124262580897e-06,
    -1.9681750084527887e-06,
    2.3188565772906474e-08,
    4.541518432449642e-07,
    1.0937601096957992e-07,
    -7.399159137503344e-08,
    -3.4672368345290174e-08,
    6.322027276634109e-09,
    4.34639375268595e-09,
)
_F = tuple(1.0 / math.factorial(power) for power in range(14))
_PER_LN2 = 1.0 / math.log(2.0)
_LN2 = float.fromhex("0x1.62e42fee00000p-1")  # ends in zeros, so that its multiples are exact
_LN2_REST = 1.9082149292705877e-10
_LEAST = -708.0


def _multiply_add(typing_context: Any, x: Any, y: Any, z: Any) -> Any:
    del typing_context, x, y, z

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    return types.float64(types.float64, types.float64, types.float64), generate


def _loose_sum(typing_context: Any, x: Any, y: Any) -> Any:
    del typing_context, x, y

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.fadd(*arguments, flags=("reassoc", "contract"))

    return types.float64(types.float64, types.float64), generate


def _as_double(typing_context: Any, bits: Any) -> Any:
    del typing_context, bits

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.int64), generate


#: x y + z with one rounding: one machine instruction.
fma = cast(Callable[[Number, Number, Number], Number], intrinsic(_multiply_add))

#: x + y where the order of a long sum may be chosen freely, so that several partial sums run side by side.
loose_sum = cast(Callable[[Number, Number], Number], intrinsic(_loose_sum))

#: The double that has these bits.
as_double = cast(Callable[[np.int64], Number], intrinsic(_as_double))


def owned(values: ArrayLike) -> NDArray[np.float64]:
    """Return values as an array of doubles in order that a kernel may write to, a copy only where that needs one.

    A kernel is compiled for each kind of array it meets; read-only and strided ones would each cost seconds.
    """
    return np.require(values, np.float64, ("C", "W"))


@inlined
def exp(x: Number) -> Number:
    """Return exp(x) for x <= 700, to 3e-16; below -708 exp(-708), which is 3e-308."""
    x = x if x > _LEAST else _LEAST
    k = math.floor(x * _PER_LN2 + 0.5)
    r = fma(k, -_LN2_REST, fma(k, -_LN2, x))
    p = fma(fma(fma(fma(_F[13], r, _F[12]), r, _F[11]), r, _F[10]), r, _F[9])
    p = fma(fma(fma(fma(p, r, _F[8]), r, _F[7]), r, _F[6]), r, _F[5])
    p = fma(fma(fma(fma(fma(p, r, _F[4]), r, _F[3]), r, _F[2]), r, 1.0), r, 1.0)
    return p * as_double((np.int64(k) + np.int64(1023)) << np.int64(52))


@inlined
def erfcx(x: Number) -> Number:
    """Return exp(x²) erfc(x) for x >= 0, with a relative error below 1e-14.

    It never overflows, and falls off as 1/(x sqrt(pi)).
    """
    scale = 1.0 / (x + _SCALE)
    s = (x - _SCALE) * scale
    p = fma(fma(fma(fma(_C[22], s, _C[21]), s, _C[20]), s, _C[19]), s, _C[18])
    p = fma(fma(fma(fma(fma(p, s, _C[17]), s, _C[16]), s, _C[15]), s, _C[14]), s, _C[13])
    p = fma(fma(fma(fma(fma(p, s, _C[12]), s, _C[11]), s, _C[10]), s, _C[9]), s, _C[8])
    p = fma(fma(fma(fma(p, s, _C[7]), s, _C[6]), s, _C[5]), s, _C[4])
    return fma(fma(fma(fma(p, s, _C[3]), s, _C[2]), s, _C[1]), s, _C[0]) * scale


@kernel
def dot(x: NDArray[np.float64], y: NDArray[np.float64]) -> Number:
    """Return the sum of the products of two arrays of one length."""
    total = 0.0
    for i in range(x.size):
        total = loose_sum(total, x[i] * y[i])
    return total


@inlined
def normal_cdf(x: Number) -> Number:
    """Return the cumulative distribution of the standard normal law, exact in both tails."""
    half = 0.5 * math.exp(-0.5 * x * x) * erfcx(abs(x) * math.sqrt(0.5))
    return half if x < 0 else 1.0 - half
