// A line that is not there yet: the window that is drawn around it in the spectrum, and the values that its fit begins with,
// as archive/numerics/windows.py has them (IDEX science definition, section 10.4). A test compares the two.
"use strict";

(function () {
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

  /**
   * Area over the baseline, location, width and rate that the samples of a window suggest, `others` being lines whose sum is
   * taken off first: the highest sample, both half widths, and the trapezoid of what is positive. Null without a signal.
   */
  function startOf(record, others, begin, end) {
    const [first, last] = samplesOf(record, begin, end);
    if (last - first < 1) return null;
    const { t0, dt, signal } = record;
    const there = others.filter(isLine);
    const y = Float64Array.from({ length: last - first + 1 }, (_, i) => {
      const t = t0 + (first + i) * dt;
      return signal[first + i] - there.reduce((sum, line) => sum + lineValue(t, line), 0);
    });
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
    return [area, t0 + (first + top) * dt - 0.5 * Math.min(sigma, tau), sigma, 1 / tau];
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

  window.pinakesIdexNewLine = { startOf, tooFew, drawing, samplesOf };
})();
