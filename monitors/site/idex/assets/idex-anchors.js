// Mass scale by hand: stretch and shift on sliders, and lines whose ion is known as anchors. One anchor fixes the shift,
// two fix both, more are fitted; the archive does the same (IDEX science definition, section 15.6).
"use strict";

(function () {
  const { massOf } = window.pinakesIdexModels;
  const words = window.pinakesIdexWords;
  const { make } = window.pinakesIdexTables;
  const STEPS = 1000;
  const STRETCH = 0.1; // us per root of u that the slider goes to both sides
  const SHIFT = 1; // us
  const NEAR = 0.25; // u within which a line is proposed as an anchor
  const DEFAULT_STRETCH = 1.45;

  /** Coefficients t0, a1 through anchors [time from the first sample, mass]. */
  function anchorScale(anchors, stretch) {
    if (!anchors.length) return null;
    const roots = anchors.map(([, mass]) => Math.sqrt(mass));
    if (anchors.length === 1) return [anchors[0][0] - stretch * roots[0], stretch];
    const mean = (list) => list.reduce((sum, value) => sum + value, 0) / list.length;
    const s = mean(roots);
    const t = mean(anchors.map(([time]) => time));
    const above = anchors.reduce((sum, [time], i) => sum + (roots[i] - s) * (time - t), 0);
    const below = roots.reduce((sum, root) => sum + (root - s) ** 2, 0);
    if (!(above > 0 && below > 0)) return null; // equal masses, or time that falls with mass
    return [t - (above / below) * s, above / below];
  }

  /** The part of the form that chooses anchors: {node, value(), scale(), told()}. */
  function anchorRows(state, known, changed) {
    const node = make("div");
    const start = state.merged ? state.merged.t0 : 0;
    const base = state.scale || [words.known(state.impact) ? state.impact - start : 0, (state.calibration("mass_scale") || { stretch: DEFAULT_STRETCH }).stretch];
    const fits = state.lines.filter((line) => words.known(line.values[1]));
    const grid = make("div", undefined, "idex-parameters");
    const sliders = [["stretch a₁", "µs/√u", base[1], STRETCH, "idex-stretch"], ["shift t₀", "µs", base[0], SHIFT, "idex-shift"]].map(([label, unit, value, span, id]) => {
      const name = make("label", `${label} `, "name");
      name.htmlFor = id;
      name.append(make("span", unit, "unit"));
      const slider = Object.assign(make("input"), { type: "range", min: 0, max: STEPS, value: STEPS / 2, id: `${id}-slider` });
      slider.setAttribute("aria-label", `${label}, slider`);
      const number = Object.assign(make("input"), { type: "number", step: "any", id, value: Number(value.toPrecision(7)) });
      slider.addEventListener("input", () => {
        number.value = Number((value + (span * (slider.value - STEPS / 2)) / (STEPS / 2)).toPrecision(7));
        changed();
      });
      number.addEventListener("input", () => {
        slider.value = STEPS / 2 + ((Number(number.value) - value) / span) * (STEPS / 2);
        changed();
      });
      grid.append(name, slider, number, make("span"));
      return number;
    });
    const list = make("div", undefined, "idex-anchors");
    const rows = fits.map((line) => {
      const label = make("label");
      const box = Object.assign(make("input"), { type: "text", size: 6, id: `idex-anchor-${line.line}` });
      box.setAttribute("aria-label", `ion of line ${line.line}`);
      box.setAttribute("list", "idex-anchor-ions");
      box.addEventListener("input", changed);
      const mass = make("span", "", "muted");
      label.append(`line ${line.line} `, box, " ", mass);
      list.append(label);
      return { line, box, mass };
    });
    const ions = Object.assign(make("datalist"), { id: "idex-anchor-ions" });
    ions.append(...Object.entries(known.comb).map(([name, mass]) => Object.assign(make("option", `${mass} u`), { value: name })));
    const propose = make("button", "Take the lines that lie on reference masses", "act");
    propose.type = "button";
    propose.addEventListener("click", () => {
      for (const { line, box } of rows) {
        const mass = massOf(line.values[1] - start, scaleOfSliders());
        const [name, at] = Object.entries(known.comb).reduce((best, one) => (Math.abs(one[1] - mass) < Math.abs(best[1] - mass) ? one : best));
        box.value = Math.abs(at - mass) <= NEAR && !rows.some((other) => other.box !== box && other.box.value === name) ? name : "";
      }
      changed();
    });
    node.append(make("p", "The sliders move the mass axis of the figure; the archive takes the scale from anchors.", "muted"), grid, make("p", propose), list, ions);

    const scaleOfSliders = () => [Number(sliders[1].value), Number(sliders[0].value)];
    const value = () => Object.fromEntries(rows.filter(({ box }) => box.value.trim()).map(({ line, box }) => [line.line, box.value.trim()]));

    /** Anchors whose mass is known here; a formula is left to the archive. */
    function anchors() {
      return rows.filter(({ box }) => known.comb[box.value.trim()]).map(({ line, box }) => [line.values[1] - start, known.comb[box.value.trim()]]);
    }

    function scale() {
      const found = anchorScale(anchors(), Number(sliders[0].value)) || scaleOfSliders();
      for (const { line, mass } of rows) mass.textContent = found[1] > 0 ? `${massOf(line.values[1] - start, found).toFixed(2)} u` : "";
      return found[1] > 0 && found.every(Number.isFinite) ? found : null;
    }

    function told() {
      const chosen = anchors();
      if (!chosen.length) return "";
      const found = anchorScale(chosen, Number(sliders[0].value));
      if (!found) return "These anchors contradict each other.";
      const rest = Math.sqrt(chosen.reduce((sum, [time, mass]) => sum + (time - found[0] - found[1] * Math.sqrt(mass)) ** 2, 0) / chosen.length);
      const more = chosen.length > 3 ? " With four or more anchors the archive may add a term of higher order." : "";
      return `Stretch ${words.number(found[1], 6)} µs/√u, shift ${words.number(found[0], 6)} µs${chosen.length > 1 ? `, rms ${words.number(1000 * rest, 3)} ns` : ""}.${more}`;
    }

    return { node, value, scale, told };
  }

  window.pinakesIdexAnchors = { anchorRows, anchorScale };
})();
