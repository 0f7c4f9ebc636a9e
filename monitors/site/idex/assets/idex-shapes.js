// Line shapes beside the common one, which an analyst may choose for a single line: the same as archive/numerics/shapes.py
// (IDEX science definition, section 11). All are of unit area times `area`; values are area, mu, sigma and lambda, where
// the last two mean what the shape makes of them, and extras what it needs beyond.
"use strict";

(function () {
  const { emg } = window.pinakesIdexModels;
  const LEAST_BETA = 0.1;
  const ROOT_TWO_PI = Math.sqrt(2 * Math.PI);

  function gaussian(t, [area, mu, sigma]) {
    const u = (t - mu) / sigma;
    return (area / (sigma * ROOT_TWO_PI)) * Math.exp(-0.5 * u * u);
  }

  function lorentzian(t, [area, mu, gamma]) {
    const d = t - mu;
    return ((area / Math.PI) * gamma) / (d * d + gamma * gamma);
  }

  // Coefficients of the rational series of J. A. C. Weideman, SIAM Journal on Numerical Analysis 31 (1994) 1497, with 48
  // terms: the transform of a known function, once.
  const TERMS = 48;
  const WIDTH = Math.sqrt(TERMS / Math.SQRT2);
  const SERIES = (() => {
    const m = 2 * TERMS;
    const angles = Array.from({ length: 2 * m }, (_, i) => ((i - m) * Math.PI) / m);
    const f = angles.map((angle, i) => {
      if (i === 0) return 0;
      const t = WIDTH * Math.tan(angle / 2);
      return Math.exp(-t * t) * (WIDTH * WIDTH + t * t);
    });
    return Array.from({ length: TERMS }, (_, n) => f.reduce((sum, value, i) => sum + value * Math.cos((n + 1) * angles[i]), 0) / (2 * m));
  })();

  /** Real part of the Faddeeva function w(x + iy), y >= 0. */
  function faddeeva(x, y) {
    // Z = (L + iz)/(L - iz) with z = x + iy: iz = -y + ix.
    const [ar, ai] = [WIDTH - y, x];
    const [br, bi] = [WIDTH + y, -x];
    const size = br * br + bi * bi;
    const zr = (ar * br + ai * bi) / size;
    const zi = (ai * br - ar * bi) / size;
    let [pr, pi] = [SERIES[TERMS - 1], 0];
    for (let k = TERMS - 2; k >= 0; k--) [pr, pi] = [pr * zr - pi * zi + SERIES[k], pr * zi + pi * zr];
    // w = 2 p/(L - iz)^2 + 1/(sqrt(pi) (L - iz))
    const [sr, si] = [br * br - bi * bi, 2 * br * bi];
    return (2 * (pr * sr + pi * si)) / (sr * sr + si * si) + br / (Math.sqrt(Math.PI) * size);
  }

  function voigt(t, [area, mu, sigma, gamma]) {
    const by = 1 / (sigma * Math.SQRT2);
    return (area * faddeeva((t - mu) * by, gamma * by)) / (sigma * ROOT_TWO_PI);
  }

  /** An EMG with a tail time; a negative one mirrors the tail to the left of mu. */
  const tailed = (t, area, mu, sigma, tau) => emg(tau > 0 ? t : 2 * mu - t, [area, mu, sigma, 1 / Math.abs(tau)]);

  function doubleEmg(t, [area, mu, sigma, tau], { tau2, weight }) {
    const share = Math.min(1, Math.max(0, weight));
    return share * tailed(t, area, mu, sigma, tau) + (1 - share) * tailed(t, area, mu, sigma, tau2);
  }

  function hyperEmg(t, [area, mu, sigma], extras) {
    const { taus_left: left = [], weights_left: wl = [], taus_right: right = [], weights_right: wr = [] } = extras;
    const taus = [...left.map((tau) => -Math.abs(tau)), ...right.map(Math.abs)];
    const weights = [...wl, ...wr].map((weight) => Math.max(weight, 0));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    let value = Math.max(0, 1 - total) * gaussian(t, [area, mu, sigma]);
    taus.forEach((tau, i) => { value += (weights[i] / Math.max(1, total)) * tailed(t, area, mu, sigma, tau); });
    return value;
  }

  /** Gamma function, x > 0 (C. Lanczos, SIAM Journal on Numerical Analysis B 1 (1964) 86; g = 7, nine terms). */
  function gamma(x) {
    const c = [
      0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
      12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
    ];
    const y = x - 1;
    const base = y + 7.5;
    const sum = c.slice(1).reduce((total, value, i) => total + value / (y + i + 1), c[0]);
    return ROOT_TWO_PI * Math.pow(base, y + 0.5) * Math.exp(-base) * sum;
  }

  function generalizedNormal(t, [area, mu, alpha, beta]) {
    const power = Math.max(beta, LEAST_BETA);
    const u = Math.abs(t - mu) / alpha;
    return ((area * power) / (2 * alpha * gamma(1 / power))) * Math.exp(-Math.pow(u, power));
  }

  const SHAPES = {
    emg: (t, values) => (values[3] > 0 ? emg(t, values) : tailed(t, values[0], values[1], values[2], 1 / values[3])),
    gaussian, lorentzian, voigt, double_emg: doubleEmg, hyper_emg: hyperEmg, generalized_normal: generalizedNormal,
  };

  /** A line at one time: {values, shape, extras}. */
  const lineValue = (t, line) => SHAPES[line.shape || "emg"](t, line.values, line.extras || {});

  /** Whether a line has values that can be drawn. */
  const isLine = (line) => Boolean(line.values) && line.values.length === 4 && line.values.every(Number.isFinite) && line.values[2] > 0 && ((line.shape || "emg") in SHAPES) && ((line.shape || "emg") !== "emg" || line.values[3] !== 0);

  /** From when to when a line is to be drawn, us; shapes with wide wings everywhere. */
  function reach(line) {
    const [, mu, sigma, lambda] = line.values;
    const shape = line.shape || "emg";
    if (shape === "gaussian") return [mu - 9 * sigma, mu + 9 * sigma];
    if (shape === "emg" && lambda > 0) return [mu - 8 * sigma, mu + 8 * sigma + 28 / lambda];
    return [-Infinity, Infinity];
  }

  /** Add a line to `sum`, samples at t0 + i dt; only where it is not nothing. */
  function addLine(sum, t0, dt, line) {
    const [begin, end] = reach(line);
    const first = Math.max(0, Math.ceil((begin - t0) / dt));
    const last = Math.min(sum.length - 1, Math.floor((end - t0) / dt));
    for (let i = first; i <= last; i++) sum[i] += lineValue(t0 + i * dt, line);
  }

  window.pinakesIdexShapes = { lineValue, isLine, reach, addLine, SHAPES: Object.keys(SHAPES) };
})();
