// Mass scale by hand: stretch and shift in boxes and on sliders, and lines whose ion is known as anchors. One anchor fixes the
// shift, two fix both, more are fitted; the archive does the same (IDEX science definition, section 15.6). How good a scale is
// follows while it moves: lines on reference masses, their residual, and kappa (sections 15.3 and 15.5).
"use strict";

(function () {
  const { massOf, flightTime } = window.pinakesIdexModels;
  const words = window.pinakesIdexWords;
  const { make } = window.pinakesIdexTables;
  const STEPS = 1000;
  const SPANS = { stretch: 0.1, shift: 1 }; // us per root of u and us that the slider goes to both sides
  const SPINS = { stretch: 0.0001, shift: 0.001 }; // of an arrow of the box
  const FARTHEST = 0.05; // us from a reference within which a line counts as matched: archive/numerics/comb.py
  const WIDTH = 0.012; // us, of a match
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

  /**
   * Lines on references under a scale, each line and each reference once: [place in `times`, name, residual in us]. Of
   * references near one line the common and near one wins, of lines on one reference the nearest, as in the archive.
   */
  function matches(times, scale, { comb, common }) {
    const found = [];
    const broad = Math.max(FARTHEST / 3, WIDTH);
    for (const [name, mass] of Object.entries(comb)) {
      const at = flightTime(scale, mass);
      times.forEach((time, i) => {
        const rest = time - at;
        if (Math.abs(rest) <= FARTHEST) found.push({ i, name, rest, credit: (common.includes(name) ? 2 : 1) * Math.exp(-0.5 * (rest / broad) ** 2) });
      });
    }
    found.sort((a, b) => b.credit - a.credit);
    const taken = new Set();
    return found.filter(({ i, name }) => !taken.has(i) && !taken.has(name) && taken.add(i) && taken.add(name)).sort((a, b) => a.i - b.i);
  }

  /** How good a scale is: number of matched lines, rms of their residuals in us, and kappa in u, of all lines. */
  function quality(times, scale, known) {
    const on = matches(times, scale, known);
    const masses = times.map((time) => massOf(time, scale));
    const mean = (list) => (list.length ? list.reduce((sum, value) => sum + value, 0) / list.length : NaN);
    return { matched: on.length, rms: Math.sqrt(mean(on.map(({ rest }) => rest * rest))), kappa: mean(masses.map((mass) => mass - Math.round(mass))) };
  }

  const usable = (scale) => (scale && scale.every(Number.isFinite) && scale[1] > 0 ? scale : null);

  /** A slider and a box of one coefficient: {nodes, value(), put(value)}. */
  function coefficient(label, unit, kind, value, changed) {
    const id = `idex-${kind}`;
    const name = make("label", `${label} `, "name");
    name.htmlFor = id;
    name.append(make("span", unit, "unit"));
    const slider = Object.assign(make("input"), { type: "range", min: 0, max: STEPS, value: STEPS / 2, id: `${id}-slider` });
    slider.setAttribute("aria-label", `${label}, slider`);
    const box = Object.assign(make("input"), { type: "number", step: SPINS[kind], id, value: Number(value.toPrecision(7)) });
    const half = STEPS / 2;
    const follow = () => { slider.value = half + ((Number(box.value) - value) / SPANS[kind]) * half; };
    slider.addEventListener("input", () => {
      box.value = Number((value + (SPANS[kind] * (slider.value - half)) / half).toPrecision(7));
      changed();
    });
    box.addEventListener("input", () => { follow(); changed(); });
    return {
      nodes: [name, slider, box, make("span")],
      value: () => (box.value === "" ? NaN : Number(box.value)),
      put(wanted) { box.value = Number(wanted.toPrecision(7)); follow(); },
    };
  }

  /** The part of the form that chooses a scale: {node, value(), scale(), told()}. */
  function anchorRows(state, known, changed) {
    const node = make("div");
    const start = state.merged ? state.merged.t0 : 0;
    const base = state.scale || [words.known(state.impact) ? state.impact - start : 0, (state.calibration("mass_scale") || { stretch: DEFAULT_STRETCH }).stretch];
    const automatic = state.original ? state.original.parts.spectrum.coefficients : state.scale;
    const kept = (usable(automatic) || base)[1]; // one anchor leaves the stretch as the archive found it
    const fits = state.lines.filter((line) => words.known(line.values[1]));
    const times = fits.map((line) => line.values[1] - start);
    let lead = "boxes"; // what the axis of the figure follows: boxes, or anchors
    let whole = base; // terms of higher order hold as long as nobody moves the others

    // ---- stretch and shift --------------------------------------------------------------------------------------------

    const moved = () => {
      lead = "boxes";
      whole = null;
      propose(); // what is saved are the lines that are matched now
      changed();
    };
    const stretch = coefficient("stretch a₁", "µs/√u", "stretch", base[1], moved);
    const shift = coefficient("shift t₀", "µs", "shift", base[0], moved);
    const grid = make("div", undefined, "idex-parameters");
    grid.append(...stretch.nodes, ...shift.nodes);
    const ofBoxes = () => usable(whole || [shift.value(), stretch.value()]);
    const buttons = make("p");
    const button = (text, id, act) => {
      const made = Object.assign(make("button", text, "act"), { type: "button", id });
      made.addEventListener("click", act);
      buttons.append(made, " ");
      return made;
    };
    button("The automatic axis", "idex-scale-automatic", () => {
      shift.put(automatic[0]);
      stretch.put(automatic[1]);
      lead = "boxes";
      whole = automatic;
      propose();
      changed();
    }).disabled = !usable(automatic);
    button("Take the lines that lie on reference masses", "idex-scale-match", () => { lead = "anchors"; propose(); changed(); });

    // ---- anchors ------------------------------------------------------------------------------------------------------

    const list = make("div", undefined, "idex-anchors");
    const rows = fits.map((line) => {
      const label = make("label");
      const box = Object.assign(make("input"), { type: "text", size: 6, id: `idex-anchor-${line.line}` });
      box.setAttribute("aria-label", `ion of line ${line.line}`);
      box.setAttribute("list", "idex-anchor-ions");
      box.addEventListener("input", () => { lead = "anchors"; changed(); });
      const mass = make("span", "", "muted");
      label.append(`line ${line.line} `, box, " ", mass);
      list.append(label);
      return { line, box, mass };
    });
    const ions = Object.assign(make("datalist"), { id: "idex-anchor-ions" });
    ions.append(...Object.entries(known.comb).map(([name, mass]) => Object.assign(make("option", `${mass} u`), { value: name })));

    function propose() {
      const scale = ofBoxes();
      const on = new Map(scale ? matches(times, scale, known).map(({ i, name }) => [i, name]) : []);
      rows.forEach(({ box }, i) => { box.value = on.get(i) || ""; });
    }

    const value = () => Object.fromEntries(rows.filter(({ box }) => box.value.trim()).map(({ line, box }) => [line.line, box.value.trim()]));

    /** Anchors whose mass is known here; a formula is left to the archive. */
    const anchors = () => rows.flatMap(({ box }, i) => (known.comb[box.value.trim()] ? [[times[i], known.comb[box.value.trim()]]] : []));
    const ofAnchors = () => usable(anchorScale(anchors(), kept));

    // ---- how good -----------------------------------------------------------------------------------------------------

    const table = make("table", undefined, "data idex-quality");

    const HEADS = [["Scale", "", ""], ["Stretch", "µs/√u", "number"], ["Shift", "µs", "number"], ["Matched lines", "", "number"], ["Their rms", "ns", "number"], ["κ", "u", "number"]];

    function measure() {
      table.replaceChildren();
      const head = table.createTHead().insertRow();
      for (const [label, unit, kind] of HEADS) {
        const cell = make("th", `${label} `, kind);
        cell.append(make("span", unit, "unit"));
        head.append(cell);
      }
      const body = table.createTBody();
      for (const [label, scale] of [["In the boxes", ofBoxes()], ["By the anchors", ofAnchors()], ["Automatic", usable(automatic)]]) {
        const found = scale && quality(times, scale, known);
        const cells = found ? [words.number(scale[1], 6), words.number(scale[0], 6), `${found.matched} of ${times.length}`, words.number(1000 * found.rms, 3), words.number(found.kappa, 3)] : HEADS.slice(1).map(() => words.NOTHING);
        body.insertRow().append(make("td", label), ...cells.map((text) => make("td", text, "number")));
      }
    }

    node.append(
      make("p", "Stretch and shift move the mass axis of the figure. The archive takes the scale from anchors: the lines that are matched, unless you say otherwise.", "muted"),
      grid, buttons, table, make("p", `Matched: within ${1000 * FARTHEST} ns of a reference mass. κ: mean distance of the masses from whole numbers.`, "muted"), list, ions,
    );

    function scale() {
      const found = (lead === "anchors" && ofAnchors()) || ofBoxes();
      rows.forEach(({ mass }, i) => { mass.textContent = found ? `${massOf(times[i], found).toFixed(2)} u` : ""; });
      measure();
      return found;
    }

    function told() {
      const chosen = anchors();
      if (!chosen.length) return "";
      const found = anchorScale(chosen, kept);
      if (!found) return "These anchors contradict each other.";
      const rest = Math.sqrt(chosen.reduce((sum, [time, mass]) => sum + (time - found[0] - found[1] * Math.sqrt(mass)) ** 2, 0) / chosen.length);
      const more = chosen.length > 3 ? " With four or more anchors the archive may add a term of higher order." : "";
      return `Stretch ${words.number(found[1], 6)} µs/√u, shift ${words.number(found[0], 6)} µs${chosen.length > 1 ? `, rms ${words.number(1000 * rest, 3)} ns` : ""}.${more}`;
    }

    return { node, value, scale, told };
  }

  window.pinakesIdexAnchors = { anchorRows, anchorScale, matches, quality };
})();
