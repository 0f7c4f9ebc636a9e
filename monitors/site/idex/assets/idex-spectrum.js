// The merged time-of-flight record of an event: curves, fits, residuals in units of the noise, the mass axis above and
// the ions at their lines. Everything is evaluated here, from samples and stored parameters.
"use strict";

(function () {
  const { flightTime, massOf } = window.pinakesIdexModels;
  const { lineValue, isLine, addLine, reach } = window.pinakesIdexShapes;
  const { MASKED, runs } = window.pinakesIdexMerge;
  const words = window.pinakesIdexWords;
  const { colour } = window.pinakesFigures;
  const GAIN_COLOURS = ["channel-1", "channel-2", "channel-3"];
  const TICK_PIXELS = 44; // least distance of two masses on the axis
  /** Masses that the axis shows first, u: the most telling first. */
  const ROUND_MASSES = [1, 100, 10, 50, 200, 20, 30, 5, 40, 60, 80, 150, 300, 2, 70, 90, 120, 250, 400, 3, 350];
  const element = (id) => document.getElementById(id);

  /** Least and greatest finite value of each of `buckets` parts of from..to, in their order; a gap where there is none. */
  function envelope(values, t0, dt, from, to, buckets) {
    const x = [];
    const y = [];
    const n = to - from + 1;
    const parts = n <= 2 * buckets ? n : buckets;
    for (let b = 0; b < parts; b++) {
      let low = -1;
      let high = -1;
      const stop = from + Math.floor(((b + 1) * n) / parts);
      for (let i = from + Math.floor((b * n) / parts); i < stop; i++) {
        if (!(Math.abs(values[i]) < Infinity)) continue;
        if (low < 0 || values[i] < values[low]) low = i;
        if (high < 0 || values[i] > values[high]) high = i;
      }
      const chosen = low === high ? [low] : [Math.min(low, high), Math.max(low, high)];
      for (const i of chosen) {
        x.push(i < 0 ? t0 + stop * dt : t0 + i * dt);
        y.push(i < 0 ? NaN : values[i]);
      }
    }
    return { x, y };
  }

  /**
   * Put points into the line `name`. A line without points is hidden, because every line that is not costs the reader time;
   * `muted` lines stay so.
   */
  function fill(named, name, points, muted = false) {
    const there = points.x.length > 0 && !muted;
    const source = named(name);
    if (there || source.data.x.length) source.data = there ? points : { x: [], y: [] };
    const line = named(`${name}-line`);
    if (line.visible !== there) line.visible = there;
  }

  /** Marks of a strip of residuals: 3 where they are good, wider where they are not. */
  function scaleStrip(figure, values, from, to) {
    let most = 5;
    for (let i = from; i <= to; i++) if (Math.abs(values[i]) > most) most = Math.abs(values[i]);
    most = Math.min(most, 30) * 1.1;
    const step = most > 22 ? 20 : most > 12 ? 10 : 3;
    figure.y_range.setv({ start: -most, end: most });
    const { ticker } = figure.left[0];
    if (ticker.ticks[2] !== step) ticker.ticks = [-step, 0, step];
  }

  /** Sum of lines on the samples of a record. */
  function sumOf(lines, record) {
    const sum = new Float64Array(record.signal.length);
    for (const line of lines) if (isLine(line)) addLine(sum, record.t0, record.dt, line);
    return sum;
  }

  /** Residuals in units of the noise: those within a window of a fit, and the rest. */
  function residuals(record, sum, lines) {
    const inside = new Float64Array(sum.length).fill(NaN);
    const outside = new Float64Array(sum.length);
    for (let i = 0; i < sum.length; i++) outside[i] = (record.signal[i] - sum[i]) / record.sigma[i];
    for (const line of lines) {
      if (!isLine(line) || !words.known(line.start)) continue;
      const first = Math.max(0, Math.ceil((line.start - record.t0) / record.dt - 0.01));
      const last = Math.min(sum.length - 1, Math.floor((line.stop - record.t0) / record.dt + 0.01));
      for (let i = first; i <= last; i++) inside[i] = outside[i];
    }
    return { inside, outside };
  }

  function create(viewer) {
    const { xRange, named } = viewer;
    const figure = named("idex-spectrum");
    const residualFigure = named("idex-residual");
    const massAxis = named("idex-mass");
    const source = (name) => named(name);
    let state = null; // what is shown
    let drawn = null; // sums and residuals of it
    let selected = null; // line chosen by a person
    let edited = null; // {without, values}: a line that is being changed
    let hovered = null;
    let massKey = "";
    const muted = new Set(["idex-high", "idex-mid", "idex-low", "idex-single"]);
    const put = (name, points) => fill(named, name, points, muted.has(name));

    function show(found) {
      state = found;
      edited = null;
      hovered = selected = null;
      const there = Boolean(state.merged);
      element("idex-spectrum").hidden = !there;
      element("idex-residual-panel").hidden = !there;
      element("idex-no-spectrum").hidden = there;
      drawn = null;
      if (!there) return;
      const sum = sumOf(state.lines, state.merged);
      const differs = state.original && JSON.stringify(state.original.lines.map((line) => line.values)) !== JSON.stringify(state.lines.map((line) => line.values));
      drawn = { sum, automatic: differs ? sumOf(state.original.lines, state.merged) : null, ...residuals(state.merged, sum, state.lines) };
      element("idex-curve-automatic").hidden = !differs;
      element("idex-curve-edited").hidden = true;
      reading(null);
      const impact = state.impact;
      named("idex-impact").setv({ visible: words.known(impact), location: impact || 0 });
      window_(null);
    }

    // ---- curves ---------------------------------------------------------------------------------------------------

    function bounds() {
      const { t0, dt, signal } = state.merged;
      const last = signal.length - 1;
      const place = (time, step) => Math.max(0, Math.min(last, Math.round((time - t0) / dt) + step));
      return [place(xRange.start, -1), place(xRange.end, 1)];
    }

    function draw() {
      if (!state || !state.merged) return;
      const { t0, dt, signal, gains } = state.merged;
      const [from, to] = bounds();
      const width = Math.max(200, Math.round(figure.inner_width || 900));
      const fine = to - from < width; // fewer samples than pixels: the fit is drawn between them too
      const nothing = { x: [], y: [] };
      const record = (name, values) => put(name, values && !muted.has(name) ? envelope(values, t0, dt, from, to, width) : nothing);
      record("idex-merged", signal);
      ["idex-high", "idex-mid", "idex-low"].forEach((name, i) => record(name, gains[i] && gains[i].y));
      put("idex-points", to - from < width / 3 && !muted.has("idex-merged") ? envelope(signal, t0, dt, from, to, width) : nothing);
      put("idex-fit", state.lines.some(isLine) ? curve(drawn.sum, state.lines, fine, from, to, width) : nothing);
      put("idex-automatic", drawn.automatic ? curve(drawn.automatic, state.original.lines, fine, from, to, width) : nothing);
      put("idex-single", muted.has("idex-single") ? nothing : singles(from, to));
      record("idex-residual-inside", drawn.inside);
      record("idex-residual-outside", drawn.outside);
      scaleValues(from, to);
      scaleStrip(residualFigure, drawn.inside, from, to);
      drawEdited(fine, from, to, width);
      labels();
      massTicks();
    }

    function curve(sum, lines, fine, from, to, width) {
      const { t0, dt } = state.merged;
      if (!fine) return envelope(sum, t0, dt, from, to, width);
      const there = lines.filter((line) => isLine(line));
      const x = Array.from({ length: width }, (_, i) => xRange.start + ((xRange.end - xRange.start) * i) / (width - 1));
      return { x, y: x.map((t) => there.reduce((total, line) => total + lineValue(t, line), 0)) };
    }

    /** Each line by itself, one after the other with gaps. */
    function singles(from, to) {
      const { t0, dt } = state.merged;
      const x = [];
      const y = [];
      for (const line of state.lines) {
        if (!isLine(line)) continue;
        const [begin, end] = reach(line);
        const left = Math.max(begin, t0 + from * dt);
        const right = Math.min(end, t0 + to * dt);
        if (!(right > left)) continue;
        for (let i = 0; i <= 120; i++) {
          const t = left + ((right - left) * i) / 120;
          x.push(t);
          y.push(lineValue(t, line));
        }
        x.push(right);
        y.push(NaN);
      }
      return { x, y };
    }

    /** The range of values follows what is in sight; the merged record decides it, never a fit nor a noisy gain. */
    function scaleValues(from, to) {
      const { signal } = state.merged;
      let low = Infinity;
      let high = -Infinity;
      for (let i = from; i <= to; i++) {
        if (signal[i] < low) low = signal[i];
        if (signal[i] > high) high = signal[i];
      }
      if (!(high > low)) [low, high] = Number.isFinite(low) ? [low - 1, high + 1] : [0, 1];
      low = Math.max(low, -0.25 * high);
      const span = high - low;
      const start = low - 0.09 * span;
      figure.y_range.setv({ start, end: high + 0.16 * span });
      gainBand(start, start + 0.02 * span);
    }

    function gainBand(y0, y1) {
      const { t0, dt, source: from } = state.merged;
      const found = runs(from);
      const shades = [...GAIN_COLOURS.map(colour), colour("error")];
      source("idex-gains").data = {
        x0: found.map(([first]) => t0 + (first - 0.5) * dt), x1: found.map(([, last]) => t0 + (last + 0.5) * dt),
        y0: found.map(() => y0), y1: found.map(() => y1), colour: found.map(([, , gain]) => shades[gain === MASKED ? 3 : gain]),
      };
    }

    // ---- the mass axis and the ions -------------------------------------------------------------------------------

    function coefficients() {
      return (edited && edited.scale) || state.scale;
    }

    function massTicks() {
      const scale = coefficients();
      if (massAxis.visible !== Boolean(scale)) massAxis.visible = Boolean(scale);
      if (!scale) return;
      const start = state.merged.t0;
      const width = figure.inner_width || 900;
      const pixels = width / (xRange.end - xRange.start);
      const least = massOf(xRange.start - start, scale);
      const most = massOf(xRange.end - start, scale);
      const placed = [];
      const place = (mass) => {
        const t = start + flightTime(scale, mass);
        if (t < xRange.start || t > xRange.end || !(mass > 0)) return;
        if (placed.every(([other]) => Math.abs(other - t) * pixels >= TICK_PIXELS)) placed.push([t, String(mass)]);
      };
      ROUND_MASSES.forEach(place);
      // In a narrow range round masses are rare: ever finer steps until there are enough.
      for (const step of [10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01]) {
        if (placed.length > width / (5 * TICK_PIXELS) || (most - least) / step > 400) break;
        for (let m = Math.ceil(least / step); m * step <= most; m++) place(Number((m * step).toPrecision(8)));
      }
      placed.sort((one, other) => one[0] - other[0]);
      const key = JSON.stringify(placed);
      if (key === massKey) return;
      massKey = key;
      massAxis.setv({ major_label_overrides: new Map(placed) });
      massAxis.ticker.ticks = placed.map(([t]) => t);
    }

    function labels() {
      const data = { x: [], y: [], text: [] };
      const pixelsX = (figure.inner_width || 900) / (xRange.end - xRange.start);
      const pixelsY = (figure.inner_height || 220) / (figure.y_range.end - figure.y_range.start);
      const placed = [];
      const named_ = state.lines.filter((line) => line.species && words.known(line.mode) && line.mode > xRange.start && line.mode < xRange.end);
      for (const line of named_.sort((a, b) => b.height - a.height)) {
        const text = words.ion(line.species) + (line.species_unique === false ? "?" : "");
        const y = Math.min(heightAt(line), figure.y_range.end * 0.97);
        const box = { x: line.mode * pixelsX, y: y * pixelsY, half: 4 + 3.4 * text.length };
        if (placed.some((other) => Math.abs(other.x - box.x) < other.half + box.half && Math.abs(other.y - box.y) < 15)) continue;
        placed.push(box);
        data.x.push(line.mode);
        data.y.push(y);
        data.text.push(text);
      }
      if (data.x.length || source("idex-labels").data.x.length) source("idex-labels").data = data;
    }

    /** Where the label of a line stands: above both the fit and the data. */
    function heightAt(line) {
      const { t0, dt, signal } = state.merged;
      const at = Math.round((line.mode - t0) / dt);
      let height = line.height || 0;
      for (let i = at - 3; i <= at + 3; i++) if (signal[i] > height) height = signal[i];
      return height;
    }

    // ---- under the pointer ----------------------------------------------------------------------------------------

    function window_(line) {
      const there = line && words.known(line.start);
      if (!there && !source("idex-window").data.x0.length) return;
      source("idex-window").data = { x0: there ? [line.start] : [], x1: there ? [line.stop] : [] };
    }

    function lineAt(time) {
      const inside = state.lines.filter((line) => words.known(line.start) && line.start <= time && time <= line.stop);
      return inside.sort((a, b) => Math.abs(a.mode - time) - Math.abs(b.mode - time))[0] || null;
    }

    function point(time) {
      if (!state || !state.merged) return;
      const line = time === null ? null : lineAt(time);
      if (line !== hovered) {
        hovered = line;
        window_(line || selected);
      }
      reading(time);
    }

    function reading(time) {
      const output = element("idex-reading");
      const { t0, dt, signal, source: from, gains } = state.merged;
      const at = time === null ? -1 : Math.round((time - t0) / dt);
      if (!(at >= 0 && at < signal.length)) {
        output.textContent = "";
        return;
      }
      const scale = coefficients();
      const mass = scale ? `${massOf(time - t0, scale).toFixed(2)} u · ` : "";
      const gain = from[at] === MASKED ? "saturated in every gain" : gains[from[at]].name;
      const line = hovered ? ` · line ${hovered.line}${hovered.species ? ` ${words.ion(hovered.species)}` : ""}, A = ${words.concise(hovered.values[0], hovered.errors[0])} mA µs, ${hovered.status.replaceAll("_", " ")}` : "";
      output.textContent = `${mass}${time.toFixed(3)} µs · ${words.number(signal[at], 3)} mA (${gain})${line}`;
    }

    /** Show one line: its window, and the surroundings of its peak. */
    function select(line, zoom) {
      selected = line;
      window_(line);
      if (!line || !zoom || !words.known(line.start)) return;
      const half = 3 * Math.max(line.stop - line.start, 0.1);
      const middle = 0.5 * (line.start + line.stop);
      xRange.setv({ start: middle - half, end: middle + half });
    }

    // ---- a line or a scale that is being changed --------------------------------------------------------------------

    /**
     * Show `change` = {line, values, window} of a line that is changed, or with values and no line of one that is added, or
     * {line, removed} of one that is taken out, or {scale}; null ends it.
     */
    function edit(change) {
      if (!state || !state.merged) return;
      edited = null;
      if (change && change.scale) edited = { scale: change.scale };
      const line = change && change.values && { ...change.line, values: change.values, shape: change.shape, extras: change.extras };
      const others = state.lines.filter((other) => !change || other !== change.line);
      if (line && isLine(line)) edited = { lines: [...others, line], near: reach(line), window: change.window };
      if (change && change.removed && isLine(change.line)) edited = { lines: others, near: reach(change.line), window: [change.line.start, change.line.stop] };
      if (edited && edited.lines) edited.sum = sumOf(edited.lines, state.merged);
      window_(change && change.window ? { start: change.window[0], stop: change.window[1] } : selected);
      element("idex-curve-edited").hidden = !edited || !edited.lines;
      draw();
    }

    function drawEdited(fine, from, to, width) {
      const nothing = { x: [], y: [] };
      if (!edited || !edited.lines) {
        put("idex-edited", nothing);
        put("idex-residual-edited", nothing);
        return;
      }
      const { t0, dt, signal, sigma } = state.merged;
      const { sum, near: [left, right] } = edited;
      const whole = curve(sum, edited.lines, fine, from, to, width);
      const close = whole.x.map((t) => t >= left - 0.02 && t <= right + 0.02);
      put("idex-edited", { x: whole.x.filter((_, i) => close[i]), y: whole.y.filter((_, i) => close[i]) });
      const rest = sum.map((value, i) => (signal[i] - value) / sigma[i]);
      const [begin, end] = edited.window || edited.near;
      const first = Math.max(from, Math.ceil((begin - t0) / dt));
      const last = Math.min(to, Math.floor((end - t0) / dt));
      put("idex-residual-edited", last > first ? envelope(rest, t0, dt, first, last, width) : nothing);
    }

    /** Whether the merged record takes samples from a gain. */
    const uses = (gain) => Boolean(state && state.merged && state.merged.source.includes(gain));

    function mute(name, silent) {
      if (silent) muted.add(name);
      else muted.delete(name);
    }

    return { show, draw, point, select, edit, lineAt, uses, mute };
  }

  window.pinakesIdexSpectrum = { create, envelope, fill, scaleStrip, sumOf, residuals };
})();
