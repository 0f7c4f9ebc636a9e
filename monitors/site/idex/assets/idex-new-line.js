// A line that is not there yet: the window that is drawn around it in the spectrum, the values that its fit begins with, as
// archive/numerics/windows.py has them (IDEX science definition, section 10.4), and the fit. Tests compare both with the archive.
"use strict";

(function () {
  const { emg } = window.pinakesIdexModels;
  const { lineValue, isLine } = window.pinakesIdexShapes;
  const LEAST = 5; // samples that a line of four parameters needs

  /** First and last sample of a window, us. */
  function samplesOf({ t0, dt, signal }, begin, end) {
    const first = Math.max(0, Math.ceil((begin - t0) / dt - 0.01));
    const last = Math.min(signal.length - 1, Math.floor((end - t0) / dt + 0.01));
    return [first, last];
  }

  /** How far from a peak its half height lies, samples; NaN when that is not within the window. */
  function halfDistance(y, peak, step) {
    const half = 0.5 * y[peak];
    let i = peak;
    while (y[i] >= half) {
      if (i === (step < 0 ? 0 : y.length - 1)) return NaN;
      i += step;
    }
    return y[i] < half ? Math.abs(i - peak) - (half - y[i]) / (y[i - step] - y[i]) : NaN;
  }

  /** Samples of a window less the sum of lines: times, values, and noise. */
  function rest(record, others, begin, end) {
    const [first, last] = samplesOf(record, begin, end);
    const there = others.filter(isLine);
    const t = Float64Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => record.t0 + (first + i) * record.dt);
    const y = t.map((time, i) => record.signal[first + i] - there.reduce((sum, line) => sum + lineValue(time, line), 0));
    return { t, y, sigma: record.sigma ? record.sigma.slice(first, last + 1) : t.map(() => 1) };
  }

  /**
   * Area over the baseline, location, width and rate that the samples of a window suggest, `others` being lines whose sum is
   * taken off first: the highest sample, both half widths, and the trapezoid of what is positive. Null without a signal.
   */
  function startOf(record, others, begin, end) {
    const { t, y } = rest(record, others, begin, end);
    const { dt } = record;
    if (y.length < 2) return null;
    let top = -1;
    for (let i = 0; i < y.length; i++) if (Number.isFinite(y[i]) && (top < 0 || y[i] > y[top])) top = i;
    if (top < 0 || !(y[top] > 0)) return null;
    const [left, right] = [halfDistance(y, top, -1), halfDistance(y, top, 1)];
    const width = (own, other) => (own > 0 ? own : other > 0 ? other : 1) * dt;
    const [wl, wr] = [width(left, right), width(right, left)];
    const sigma = Math.max(wl / 1.3, 0.5 * dt);
    const tau = Math.max((wr - 0.6 * wl) / 0.9, 0.5 * sigma);
    let area = 0;
    for (let i = 1; i < y.length; i++) {
      const part = 0.5 * (Math.max(0, y[i]) + Math.max(0, y[i - 1])) * dt;
      if (part > 0 && part < Infinity) area += part;
    }
    return [area, t[top] - 0.5 * Math.min(sigma, tau), sigma, 1 / tau];
  }

  // ---- the fit ------------------------------------------------------------------------------------------------------

  const ROUNDS = 200;
  const SMALL = 1e-6; // step of a derivative
  const SIGMAS = [1e-4, 1]; // us, and 1/us below: the bounds of archive/numerics/lm.py
  const LAMBDAS = [1e-2, 1e4];

  /** Values from what is free: area, sigma and lambda are positive, and so their logarithms are fitted. */
  const valuesOf = ([a, mu, s, l]) => [Math.exp(a), mu, Math.exp(s), Math.exp(l)];

  const between = (value, least, most) => Math.min(most, Math.max(least, value));

  /** What is free, within the bounds of the archive. */
  const within = ([a, mu, s, l], t) => [a, between(mu, t[0], t[t.length - 1]), between(s, ...SIGMAS.map(Math.log)), between(l, ...LAMBDAS.map(Math.log))];

  /** Solve a small system of linear equations by elimination; null when it is singular. */
  function solved(matrix, right) {
    const rows = matrix.map((row, i) => [...row, right[i]]);
    for (let i = 0; i < rows.length; i++) {
      const best = rows.slice(i).reduce((at, row, k) => (Math.abs(row[i]) > Math.abs(rows[at][i]) ? i + k : at), i);
      [rows[i], rows[best]] = [rows[best], rows[i]];
      if (!(Math.abs(rows[i][i]) > 0)) return null;
      for (let k = 0; k < rows.length; k++) {
        if (k === i) continue;
        const by = rows[k][i] / rows[i][i];
        for (let j = i; j <= rows.length; j++) rows[k][j] -= by * rows[i][j];
      }
    }
    return rows.map((row, i) => row[rows.length] / row[i]);
  }

  /** Least squares of one line on the samples of a window less the others, from `start` (K. Levenberg, D. Marquardt). */
  function fitted(record, others, begin, end, start) {
    const { t, y, sigma } = rest(record, others, begin, end);
    const used = Array.from(t.keys()).filter((i) => Number.isFinite(y[i]) && sigma[i] > 0);
    const residuals = (free) => { const values = valuesOf(free); return used.map((i) => (y[i] - emg(t[i], values)) / sigma[i]); };
    const sum = (list) => list.reduce((total, value) => total + value * value, 0);
    // The location moves by widths, so that all steps are of one size.
    let free = within([Math.log(start[0]), start[1], Math.log(start[2]), Math.log(start[3])], t);
    let left = residuals(free);
    let chi2 = sum(left);
    let damping = 1e-3;
    for (let round = 0; round < ROUNDS && damping < 1e12; round++) {
      const scale = [1, Math.exp(free[2]), 1, 1];
      const slopes = free.map((_, k) => {
        const moved = residuals(free.map((value, i) => (i === k ? value + SMALL * scale[k] : value)));
        return moved.map((value, i) => (value - left[i]) / SMALL);
      });
      const normal = slopes.map((a, i) => slopes.map((b, k) => a.reduce((total, value, j) => total + value * b[j], 0) * (i === k ? 1 + damping : 1)));
      const step = solved(normal, slopes.map((a) => -a.reduce((total, value, j) => total + value * left[j], 0)));
      const next = step && within(free.map((value, k) => value + step[k] * scale[k]), t);
      const after = next && next.every(Number.isFinite) ? residuals(next) : null;
      const less = after ? chi2 - sum(after) : NaN;
      if (less >= 0) {
        [free, left, chi2] = [next, after, chi2 - less];
        damping = Math.max(1e-12, damping / 10);
        if (less <= 1e-10 * chi2) break;
      } else damping *= 10;
    }
    return valuesOf(free);
  }

  /** Why a window cannot hold a line; null when it can. */
  function tooFew(record, [begin, end]) {
    const [first, last] = samplesOf(record, begin, end);
    const samples = Math.max(0, last - first + 1);
    return samples < LEAST ? `The window holds ${samples} sample${samples === 1 ? "" : "s"}; a line needs at least ${LEAST}.` : null;
  }

  /**
   * The tool of the spectrum that draws a window. `drawn(begin, end)` is called once for each; `told(on)` whenever it begins
   * or ends to wait for one.
   */
  function drawing(figure, drawn, told) {
    const tool = (type) => figure.toolbar.tools.find((one) => one.type === type);
    let on = false;
    function wait(wanted) {
      if (on === wanted) return;
      on = wanted;
      tool(on ? "BoxSelectTool" : "BoxZoomTool").active = true;
      told(on);
    }
    figure.on_event("selectiongeometry", (event) => {
      if (!on || !event.final) return;
      const { x0, x1 } = event.geometry;
      wait(false);
      drawn(Math.min(x0, x1), Math.max(x0, x1));
    });
    return { wait, waits: () => on };
  }

  window.pinakesIdexNewLine = { startOf, fitted, tooFew, drawing, samplesOf };
})();
