// The noise of one channel of the event, worked out from its samples when the fold is open.
"use strict";

(function () {
  const noise = window.pinakesIdexNoise;
  const { fill } = window.pinakesIdexSpectrum;
  const words = window.pinakesIdexWords;
  const { make } = window.pinakesIdexTables;
  const element = (id) => document.getElementById(id);

  function create(viewer) {
    const { named } = viewer;
    let state = null;

    function show(found) {
      state = found;
      const there = state.event.channels.filter((channel) => channel.samples && channel.samples.length);
      const before = element("idex-noise-channel").value;
      element("idex-noise-channel").replaceChildren(...there.map((channel) => Object.assign(make("option", channel.name), { value: channel.name })));
      if (there.some((channel) => channel.name === before)) element("idex-noise-channel").value = before;
      draw();
    }

    /** Samples in physical units, of the whole record or of what lies before the trigger. */
    function samples() {
      const channel = state.event.channels.find((one) => one.name === element("idex-noise-channel").value);
      if (!channel || !channel.samples) return null;
      const scale = (state.calibration("waveform_scale") || {})[channel.name.replaceAll(" ", "_")];
      const factor = scale ? scale.factor : 1;
      const stop = element("idex-noise-before").checked ? Math.max(0, Math.min(channel.samples.length, Math.ceil(-channel.t0 / channel.dt))) : channel.samples.length;
      return { values: Float64Array.from(channel.samples.subarray(0, stop), (value) => value * factor), step: channel.dt, unit: scale ? scale.unit : channel.unit, index: state.event.channels.indexOf(channel) };
    }

    function draw() {
      if (!element("idex-noise").open || !state) return;
      const found = samples();
      const numbers = found && noise.summary(found.values, found.step);
      element("idex-noise-shown").hidden = !numbers;
      element("idex-noise-none").hidden = Boolean(numbers);
      if (!numbers) {
        element("idex-noise-none").textContent = found ? `There are only ${found.values.length} samples; noise needs ${noise.LEAST_SAMPLES}.` : "No channel was received.";
        return;
      }
      showNumbers(numbers, found.unit);
      showHistogram(found);
      showCurve("spectrum", noise.amplitudeSpectrum(found.values, found.step), `Amplitude (${found.unit})`);
      const density = noise.welch(found.values, found.step);
      showCurve("welch", { frequency: density.frequency.slice(1), value: density.value.slice(1) }, `Density (${found.unit}²/MHz)`);
      showAutocorrelation(found);
    }

    function showNumbers(numbers, unit) {
      const rows = [
        ["Samples", words.number(numbers.samples, 6)], ["Step", `${words.number(1000 * numbers.step, 5)} ns`],
        ["Mean", `${words.number(numbers.mean, 6)} ${unit}`], ["σ", `${words.number(numbers.sigma, 4)} ${unit}`],
        ["Robust σ", `${words.number(numbers.robust_sigma, 4)} ${unit}`], ["Gaussian peak", `${words.number(numbers.gaussian_peak, 4)} samples`],
        ["Poisson equivalent", `${words.number(numbers.poisson, 4)} √${unit}`], ["Neighbours correlate", words.number(numbers.lag1, 3)],
      ];
      element("idex-noise-numbers").replaceChildren(...rows.map(([label, value]) => {
        const box = make("div");
        box.append(make("dt", label), make("dd", value));
        return box;
      }));
    }

    function range(model, low, high) {
      if (!(high > low)) [low, high] = [low - 1, high + 1];
      const spare = 0.05 * (high - low);
      model.setv({ start: low - spare, end: high + spare });
    }

    /** Whole decades, so that a logarithmic axis is marked by powers of ten. */
    function decades(model, low, high) {
      const end = Math.ceil(Math.log10(high * 1.0001));
      model.setv({ start: 10 ** Math.min(Math.floor(Math.log10(low)), end - 2), end: 10 ** end });
    }

    function showHistogram({ values, unit }) {
      const found = noise.histogram(values);
      const figure = named("idex-noise-histogram");
      named("idex-noise-bars").data = { x0: found.edges.slice(0, -1), x1: found.edges.slice(1), y: found.counts };
      const centres = found.counts.map((_, i) => 0.5 * (found.edges[i] + found.edges[i + 1]));
      fill(named, "idex-noise-histogram-curve", { x: centres, y: found.gaussian });
      range(figure.x_range, found.edges[0], found.edges[found.edges.length - 1]);
      figure.y_range.setv({ start: 0, end: 1.08 * Math.max(...found.counts, ...found.gaussian.filter(Number.isFinite)) });
      figure.below[0].axis_label = `Value (${unit})`;
    }

    function showCurve(name, found, label) {
      const figure = named(`idex-noise-${name}`);
      fill(named, `idex-noise-${name}-curve`, { x: found.frequency, y: found.value });
      const positive = found.value.filter((value) => value > 0).sort((a, b) => a - b);
      if (!positive.length) return;
      figure.x_range.setv({ start: found.frequency[0], end: found.frequency[found.frequency.length - 1] });
      decades(figure.y_range, positive[Math.floor(0.01 * positive.length)], positive[positive.length - 1]);
      figure.left[0].axis_label = label;
    }

    function showAutocorrelation({ values, step }) {
      const found = noise.autocorrelation(values, step);
      const figure = named("idex-noise-autocorrelation");
      fill(named, "idex-noise-autocorrelation-curve", { x: found.lag, y: found.value });
      named("idex-noise-band-low").setv({ location: -found.band, visible: true });
      named("idex-noise-band-high").setv({ location: found.band, visible: true });
      range(figure.x_range, 0, found.lag[found.lag.length - 1]);
      const finite = found.value.filter(Number.isFinite);
      range(figure.y_range, Math.min(-found.band, ...finite), Math.max(1, ...finite));
    }

    for (const id of ["idex-noise-channel", "idex-noise-before", "idex-noise-whole"]) element(id).addEventListener("change", draw);
    element("idex-noise").addEventListener("toggle", draw);
    return { show };
  }

  window.pinakesIdexNoiseView = { create };
})();
