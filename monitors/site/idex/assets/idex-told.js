// What a change of a fit would do, in one sentence: charge and rise of a pulse, mass and residuals of a line.
"use strict";

(function () {
  const { isPulse, emg, emgMode, emgArea, impactCharge, pulse, massOf, crossing } = window.pinakesIdexModels;
  const { lineValue, isLine } = window.pinakesIdexShapes;
  const { samplesOf } = window.pinakesIdexNewLine;
  const words = window.pinakesIdexWords;

  /** Root mean square of what a model leaves of a record. */
  function spreadOf(record, model) {
    if (!record) return NaN;
    let sum = 0;
    let used = 0;
    for (let i = 0; i < record.y.length; i++) {
      if (record.mask[i]) continue;
      sum += (record.y[i] - model(record.t0 + i * record.dt)) ** 2;
      used += 1;
    }
    return Math.sqrt(sum / used);
  }

  /** Reduced chi-square of a window with a line, null for none, and the other lines as they are but `fit`. */
  function reduced(state, fit, line, begin, end) {
    const { t0, dt, signal, sigma } = state.merged;
    const others = state.lines.filter((other) => other !== fit && isLine(other));
    const [first, last] = samplesOf(state.merged, begin, end);
    let chi2 = 0;
    let used = 0;
    for (let i = first; i <= last; i++) {
      const t = t0 + i * dt;
      const rest = (signal[i] - (line ? lineValue(t, line) : 0) - others.reduce((sum, other) => sum + lineValue(t, other), 0)) / sigma[i];
      if (!Number.isFinite(rest)) continue;
      chi2 += rest * rest;
      used += 1;
    }
    return chi2 / Math.max(1, used - 4);
  }

  const chi = (...given) => words.number(reduced(...given), 4);

  function ofPulse(state, fit, values) {
    if (!isPulse(values)) return "These values make no pulse.";
    if (values.length === 7) return "A pulse with image charge: its charge is worked out by the archive.";
    const spread = (of) => words.number(spreadOf(state.records[fit.channel], (t) => pulse(t, of)), 4);
    return `Q = ${words.number(impactCharge(values), 5)} pC (now ${words.number(fit.charge, 5)}); 10–90 % rise ${words.number(crossing(values, 0.9) - crossing(values, 0.1), 4)} µs; residual ${spread(values)} pC rms (now ${isPulse(fit.values) ? spread(fit.values) : words.NOTHING}).`;
  }

  function ofLine(state, fit, line, window_) {
    if (!isLine(line)) return "These values make no line.";
    const mass = state.scale && state.merged ? `${words.number(massOf(line.values[1] - state.merged.t0, state.scale), 6)} u; ` : "";
    const area = line.shape === "emg" ? `area in the window ${words.number(emgArea(...window_, line.values), 4)} mA µs; ` : "";
    return `${mass}${area}χ²/ν ${chi(state, fit, line, ...window_)} (now ${isLine(fit) ? chi(state, fit, fit, ...window_) : words.NOTHING}).`;
  }

  /** A line that is not there yet; `values` null where there is nothing to fit. */
  function ofNew(state, values, window_) {
    if (!values) return "No signal stands above the baseline and the other lines in this window.";
    const mass = state.scale ? ` (${words.number(massOf(values[1] - state.merged.t0, state.scale), 6)} u)` : "";
    const [area, mu, sigma, lambda] = values;
    const { t0, dt, sigma: noise } = state.merged;
    const snr = emg(emgMode(values), values) / noise[Math.round((emgMode(values) - t0) / dt)];
    return `SNR ${words.number(snr, 3)}; A = ${words.number(area, 4)} mA µs, µ = ${words.number(mu, 6)} µs${mass}, σ = ${words.number(sigma, 4)} µs, λ = ${words.number(lambda, 4)} 1/µs; χ²/ν ${chi(state, null, { values, shape: "emg" }, ...window_)} (now ${chi(state, null, null, ...window_)}). The archive fits once more and gives the errors.`;
  }

  function ofRemoval(state, fit) {
    if (!state.merged || !words.known(fit.start) || !isLine(fit)) return "";
    return `Without line ${fit.line}: χ²/ν ${chi(state, fit, null, fit.start, fit.stop)} in its window (now ${chi(state, fit, fit, fit.start, fit.stop)}).`;
  }

  window.pinakesIdexTold = { ofPulse, ofLine, ofNew, ofRemoval };
})();
