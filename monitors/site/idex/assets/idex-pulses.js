// What is fitted to the raw panels: pulses of targets and ion grid with baseline, 10 % and 90 % marks, maximum and
// residuals, and the sum of the mass lines in each gain. Panels are in DN; fits are brought to DN by the scale factor.
"use strict";

(function () {
  const { pulse, isPulse, timeOfMaximum, crossing } = window.pinakesIdexModels;
  const { envelope, fill, scaleStrip } = window.pinakesIdexSpectrum;
  const words = window.pinakesIdexWords;
  const PANELS = { 3: "Target_High", 4: "Target_Low", 5: "Ion_Grid" };
  const GAINS = [0, 1, 2];
  const element = (id) => document.getElementById(id);

  function create(viewer) {
    const { xRange, named, panels } = viewer;
    const fitted = panels.map(({ box }) => {
      const text = document.createElement("p");
      text.className = "idex-fitted";
      box.querySelector(".about .state").before(text);
      return text;
    });
    let state = null;
    let edited = null; // {channel, values}
    let strips = true;

    function show(found) {
      state = found;
      edited = null;
      fitted.forEach((text) => text.replaceChildren());
      for (const [index, channel] of Object.entries(PANELS)) tell(Number(index), state.pulses[channel]);
      for (const index of Object.keys(PANELS)) element(`idex-strip-${index}`).hidden = !hasStrip(Number(index));
    }

    /** Beside the panel: the charge with its error and unit, or why there is none. */
    function tell(index, found) {
      const text = fitted[index];
      if (!found) return;
      if (words.known(found.charge)) text.textContent = `Q = ${words.plusMinus(found.charge, found.charge_error, "pC")}`;
      else if (words.known(found.charge_limit)) text.textContent = `Q < ${words.number(found.charge_limit, 3)} pC (95 %)`;
      else text.textContent = "no charge";
      text.title = found.reason || "impact charge: height of the fitted pulse above its baseline, not the parameter amplitude";
      if (found.status !== "ok") text.append(document.createElement("br"), words.state(found.status, found.reason));
    }

    const hasStrip = (index) => strips && Boolean(state && state.records[PANELS[index]] && isPulse((state.pulses[PANELS[index]] || {}).values));

    /** Figures below a panel, for the viewer, which gives the lowest one the time axis. */
    function under(index) {
      if (!(index in PANELS) || !hasStrip(index)) return [];
      return [{ figure: named(`idex-strip-${index}`), height: 46 }];
    }

    function setStrips(shown) {
      strips = shown;
      if (!state) return;
      for (const index of Object.keys(PANELS)) element(`idex-strip-${index}`).hidden = !hasStrip(Number(index));
      viewer.showTimeAxis();
      drawStrips();
    }

    // ---- curves ---------------------------------------------------------------------------------------------------

    function draw() {
      if (!state) return;
      for (const index of GAINS) drawGain(index);
      for (const index of Object.keys(PANELS)) drawPulse(Number(index));
      drawStrips();
      if (!element("idex-charges-panel").hidden) drawCharges();
    }

    function drawStrips() {
      for (const index of Object.keys(PANELS)) drawStrip(Number(index));
    }

    const nothing = { x: [], y: [] };

    function drawGain(index) {
      const gain = state.merged && state.merged.gains[index];
      const put = (name, sum) => {
        if (!gain || !sum) {
          fill(named, name, nothing);
          return;
        }
        const ratio = state.merged.ratios[index] * gain.factor;
        const { t0, dt } = state.merged;
        const place = (time, step) => Math.max(0, Math.min(sum.length - 1, Math.round((time - t0) / dt) + step));
        const found = envelope(sum, t0, dt, place(xRange.start, -1), place(xRange.end, 1), Math.max(200, Math.round(panels[index].figure.inner_width || 900)));
        fill(named, name, { x: found.x, y: found.y.map((value) => (value + gain.baseline * state.merged.ratios[index]) / ratio) });
      };
      const lines = state.lines.some((line) => words.known(line.values[0]));
      put(`idex-fit-${index}`, lines ? state.sums().now : null);
      put(`idex-automatic-${index}`, state.original && lines ? state.sums().automatic : null);
    }

    /** A pulse on a grid of pixels, brought to the unit of a figure. */
    function curve(values, figure, by) {
      if (!isPulse(values)) return nothing;
      const n = Math.max(200, Math.round(figure.inner_width || 900));
      const x = Array.from({ length: n }, (_, i) => xRange.start + ((xRange.end - xRange.start) * i) / (n - 1));
      return { x, y: x.map((t) => pulse(t, values) * by) };
    }

    function drawPulse(index) {
      const channel = PANELS[index];
      const record = state.records[channel];
      const found = state.pulses[channel];
      const figure = panels[index].figure;
      const values = record && found && isPulse(found.values) ? found.values : null;
      const by = record ? 1 / record.factor : NaN;
      fill(named, `idex-fit-${index}`, values ? curve(values, figure, by) : nothing);
      const original = state.original && state.original.pulses[channel];
      const differs = values && original && JSON.stringify(original.values) !== JSON.stringify(values);
      fill(named, `idex-automatic-${index}`, differs ? curve(original.values, figure, by) : nothing);
      // A pulse that drowns in noise has no marks, nor one with image charge, whose crossings the archive has.
      const stands = values && values.length === 5 && words.known(found.charge);
      named(`idex-baseline-${index}`).setv({ visible: Boolean(values), location: values ? values[1] * by : 0 });
      const source = named(`idex-marks-${index}`);
      if (stands || source.data.x.length) source.data = stands ? marks(values, by) : { x: [], y: [], marker: [] };
      const changed = changedOf(channel);
      fill(named, `idex-edited-${index}`, record && changed ? curve(changed, figure, by) : nothing);
    }

    /** Values that are being tried for a channel; null without. */
    const changedOf = (channel) => (edited && edited.channel === channel && isPulse(edited.values) ? edited.values : null);

    /** Where the pulse crosses 10 % and 90 % of its height, and its maximum. */
    function marks(values, by) {
      const x = [crossing(values, 0.1), crossing(values, 0.9), timeOfMaximum(values)];
      return { x, y: x.map((t) => pulse(t, values) * by), marker: ["triangle", "inverted_triangle", "diamond"] };
    }

    function drawStrip(index) {
      if (!hasStrip(index)) return;
      const record = state.records[PANELS[index]];
      const found = state.pulses[PANELS[index]];
      const changed = changedOf(PANELS[index]);
      const { t0, dt, y } = record;
      const place = (time, step) => Math.max(0, Math.min(y.length - 1, Math.round((time - t0) / dt) + step));
      const [from, to] = [place(xRange.start, -1), place(xRange.end, 1)];
      const rest = (fit) => Float64Array.from(y, (value, i) => (record.mask[i] ? NaN : (value - pulse(t0 + i * dt, fit)) / found.noise));
      const shown = rest(found.values);
      fill(named, `idex-strip-${index}-inside`, envelope(shown, t0, dt, from, to, 900));
      fill(named, `idex-strip-${index}-edited`, changed ? envelope(rest(changed), t0, dt, from, to, 900) : nothing);
      scaleStrip(named(`idex-strip-${index}`), shown, from, to);
    }

    /** Both targets in one figure and the ion grid on its own axis, baselines taken off. */
    function drawCharges() {
      const ends = { target: [Infinity, -Infinity], grid: [Infinity, -Infinity] };
      for (const [index, channel] of Object.entries(PANELS)) {
        const record = state.records[channel];
        const found = state.pulses[channel];
        const values = found && isPulse(found.values) ? found.values : null;
        if (!record) {
          fill(named, `idex-charge-${index}`, nothing);
          fill(named, `idex-charge-fit-${index}`, nothing);
          continue;
        }
        const level = values ? values[1] : record.baseline;
        const y = record.y.map((value) => value - level);
        fill(named, `idex-charge-${index}`, envelope(y, record.t0, record.dt, 0, y.length - 1, 900));
        const fit = values ? curve(values, named("idex-charges"), 1) : nothing;
        fill(named, `idex-charge-fit-${index}`, { x: fit.x, y: fit.y.map((value) => value - level) });
        const end = ends[channel === "Ion_Grid" ? "grid" : "target"];
        for (const value of y) {
          if (value < end[0]) end[0] = value;
          if (value > end[1]) end[1] = value;
        }
      }
      const put = (model, [low, high]) => {
        if (high > low) model.setv({ start: low - 0.06 * (high - low), end: high + 0.06 * (high - low) });
      };
      put(named("idex-charges").y_range, ends.target);
      put(named("idex-charges-grid"), ends.grid);
    }

    /** Show `change` = {channel, values}; null ends it. */
    function edit(change) {
      edited = change;
      draw();
    }

    return { show, draw, under, setStrips, edit };
  }

  window.pinakesIdexPulses = { create, PANELS };
})();
