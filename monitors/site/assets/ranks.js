// Rank correlation of columns with gaps: Spearman's coefficient, ties sharing their mean rank, and how often chance gives
// as much (Student's t with n - 2 degrees of freedom). Pure functions; a test compares them with SciPy.
"use strict";

(function () {
  const EXACT = 1e-12; // from 1 within which a coefficient is 1: rounding of sums

  /** Logarithm of the gamma function, x > 0 (C. Lanczos, SIAM Journal on Numerical Analysis B 1 (1964) 86). */
  function logGamma(x) {
    const c = [
      0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
      12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
    ];
    const base = x + 6.5;
    const sum = c.slice(1).reduce((total, value, i) => total + value / (x + i), c[0]);
    return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(base) - base + Math.log(sum);
  }

  /** Continued fraction of the incomplete beta function (W. Lentz, Applied Optics 15 (1976) 668). */
  function fraction(x, a, b) {
    const tiny = 1e-300;
    const least = (value) => (Math.abs(value) < tiny ? tiny : value);
    let d = 1 / least(1 - ((a + b) * x) / (a + 1));
    let c = 1;
    let value = d;
    for (let m = 1; m < 500; m++) {
      for (const step of [(m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m)), (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))]) {
        d = 1 / least(1 + step * d);
        c = least(1 + step / c);
        value *= d * c;
      }
      if (Math.abs(d * c - 1) < 1e-14) break;
    }
    return value;
  }

  /** Regularised incomplete beta function; `rest` is 1 - x, which may be known better than x. */
  function beta(x, rest, a, b) {
    if (x <= 0 || rest <= 0) return x <= 0 ? 0 : 1;
    const front = Math.exp(a * Math.log(x) + b * Math.log(rest) + logGamma(a + b) - logGamma(a) - logGamma(b));
    return x < (a + 1) / (a + b + 2) ? (front * fraction(x, a, b)) / a : 1 - (front * fraction(rest, b, a)) / b;
  }

  /** Probability that n pairs without correlation give a coefficient at least as far from 0. */
  function chance(rho, n) {
    if (!(n > 2) || Number.isNaN(rho)) return NaN;
    const square = Math.min(1, rho * rho);
    return beta(1 - square, square, 0.5 * (n - 2), 0.5);
  }

  /** A column of the chosen events, made ready: which of them have a value, and their order. */
  function prepare(values, chosen) {
    const there = new Uint8Array(chosen.length);
    const mine = Float64Array.from(chosen, (i) => values[i]);
    let hash = 17;
    let count = 0;
    for (let i = 0; i < mine.length; i++) {
      there[i] = Number.isFinite(mine[i]) ? 1 : 0;
      count += there[i];
      hash = (Math.imul(hash, 31) + there[i]) | 0;
    }
    const order = new Uint32Array(count);
    for (let i = 0, k = 0; i < mine.length; i++) if (there[i]) order[k++] = i;
    order.sort((a, b) => mine[a] - mine[b]);
    const column = { values: mine, there, count, hash, order };
    column.ranks = ranksOf(column, there);
    return column;
  }

  /** Ranks of a column among the events in `mask`, of mean 0 and length 1; null when all are equal. */
  function ranksOf({ values, order }, mask) {
    const ranks = new Float64Array(values.length);
    const kept = new Uint32Array(order.length);
    let n = 0;
    for (let k = 0; k < order.length; k++) if (mask[order[k]]) kept[n++] = order[k];
    const middle = 0.5 * (n - 1);
    let length = 0;
    for (let first = 0; first < n;) {
      const value = values[kept[first]];
      let last = first;
      while (last + 1 < n && values[kept[last + 1]] === value) last++;
      const rank = 0.5 * (first + last) - middle;
      for (let k = first; k <= last; k++) ranks[kept[k]] = rank;
      length += (last - first + 1) * rank * rank;
      first = last + 1;
    }
    if (!(length > 0)) return null;
    const by = 1 / Math.sqrt(length);
    for (let k = 0; k < n; k++) ranks[kept[k]] *= by;
    return ranks;
  }

  function same(a, b) {
    if (a.there === b.there) return true;
    if (a.hash !== b.hash || a.count !== b.count) return false;
    for (let i = 0; i < a.there.length; i++) if (a.there[i] !== b.there[i]) return false;
    return true;
  }

  /** Coefficient and number of the events that have both; null where one of them does not vary among those. */
  function spearman(a, b) {
    const size = a.there.length;
    let [left, right, n] = [a.ranks, b.ranks, a.count];
    let both = a.there;
    if (!same(a, b)) {
      both = new Uint8Array(size);
      n = 0;
      for (let i = 0; i < size; i++) n += both[i] = a.there[i] & b.there[i];
      if (n !== a.count) left = ranksOf(a, both);
      if (n !== b.count) right = ranksOf(b, both);
    }
    if (!left || !right) return null;
    let rho = 0;
    for (let i = 0; i < size; i++) if (both[i]) rho += left[i] * right[i];
    return { rho: 1 - Math.abs(rho) < EXACT ? Math.sign(rho) : rho, n };
  }

  window.pinakesRanks = { prepare, spearman, chance, beta };
})();
