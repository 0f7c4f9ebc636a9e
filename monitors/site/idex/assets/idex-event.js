// The science of an IDEX event on the viewer page: gives each part of the page what it shows of the event.
"use strict";

(function () {
  const { GAINS, convert, merge } = window.pinakesIdexMerge;
  const { sumOf } = window.pinakesIdexSpectrum;
  const { dressAll } = window.pinakesFigures;
  const words = window.pinakesIdexWords;
  const { PANELS } = window.pinakesIdexPulses;
  const element = (id) => document.getElementById(id);

  let viewer = null;
  let parts = null; // spectrum, pulses, editor, noise, calculator
  let state = null;
  let drawing = null; // the tool that draws the window of a new line

  /** Arrays by column as one object a row. */
  function rows(columns) {
    if (!columns || !columns.line) return [];
    const names = Object.keys(columns);
    return columns.line.map((_, i) => Object.fromEntries(names.map((name) => [name, columns[name][i]])));
  }

  function fitsOf(analysis) {
    const lines = rows(analysis && analysis.lines);
    const pulses = rows(analysis && analysis.pulses);
    return { parts: analysis, lines, pulses: Object.fromEntries(PULSE_ORDER.flatMap((name) => pulses.filter((one) => one.channel === name)).map((one) => [one.channel, one])) };
  }

  const PULSE_ORDER = Object.values(PANELS);

  /** Baselines of gains that analysts say, mA, as far as they are in effect. */
  function levelsSaid(more) {
    let levels = {};
    if (!more.now || more.now.origin !== "override") return levels;
    for (const each of more.overrides) {
      const name = (each.channel || "").replaceAll("_", " ");
      if (each.action === "baseline") levels[name] = each.arguments.value;
      if (each.action === "reset" && !each.channel) levels = {};
      if (each.action === "reset") delete levels[name];
    }
    return levels;
  }

  /** Everything the parts of the page need of an event, worked out once. */
  function stateOf(event) {
    if (event.idex) return event.idex;
    const more = event.more || { now: null, automatic: null, overrides: [] };
    const now = fitsOf(more.now);
    const calibration = (name) => {
      const versions = viewer.known.calibrations[name] || {};
      const used = more.now && more.now.calibrations && more.now.calibrations[name];
      return versions[used] || versions[Math.max(...Object.keys(versions).map(Number).filter(Number.isFinite))];
    };
    const scales = calibration("waveform_scale") || {};
    const factor = (name) => (scales[name.replaceAll(" ", "_")] || {}).factor;
    const channel = (name) => event.channels.find((one) => one.name === name);
    const found = more.now ? more.now.spectrum : {};
    const said = levelsSaid(more);
    const chosen = found.gains ? found.gains.split(" ").map((name) => name.replaceAll("_", " ")) : GAINS;
    const gains = GAINS.map((name) => (chosen.includes(name) ? convert(channel(name), factor(name), true, said[name]) : null));
    const merged = merge(gains, [found.ratio_mid, found.ratio_low]);
    const records = Object.fromEntries(PULSE_ORDER.map((name) => [name, convert(channel(name.replaceAll("_", " ")), factor(name), false)]));
    const target = more.now && more.now.particle && now.pulses[more.now.particle.channel];
    const made = {
      event, none: !more.now, now: more.now, overrides: more.overrides, ...now, original: more.automatic ? fitsOf(more.automatic) : null,
      merged, records, scale: found.coefficients || null, calibration, impact: target ? target.values[0] : null,
    };
    let sums = null;
    made.sums = () => {
      sums = sums || { now: sumOf(made.lines, merged), automatic: made.original ? sumOf(made.original.lines, merged) : null };
      return sums;
    };
    Object.defineProperty(event, "idex", { value: made }); // goes from memory with the event
    return made;
  }

  /** Residual strips of pulses stand below their panels. */
  function arrange() {
    for (const index of Object.keys(PANELS)) {
      const panel = element(`panel-${index}`);
      const strip = element(`idex-strip-${index}`);
      if (panel) panel.append(strip);
    }
  }

  function start(given) {
    viewer = given;
    words.learn(viewer.known.words);
    window.pinakesIdexTables.learn(viewer.known.models);
    const spectrum = window.pinakesIdexSpectrum.create(viewer);
    const pulses = window.pinakesIdexPulses.create(viewer);
    parts = {
      spectrum, pulses, editor: window.pinakesIdexEditor.create(viewer, spectrum, pulses),
      noise: window.pinakesIdexNoiseView.create(viewer), calculator: window.pinakesIdexCalculator.create(viewer),
    };
    for (const name of ["idex-spectrum", "idex-residual", "idex-charges", ...Object.keys(PANELS).map((index) => `idex-strip-${index}`)]) viewer.watch(viewer.named(name));
    viewer.named("idex-spectrum").on_event("tap", (event) => {
      if (!parts.editor.pick(event.x, NaN, "TOF")) choose(parts.spectrum.lineAt(event.x), false);
    });
    for (const [index, channel] of Object.entries(PANELS)) {
      viewer.panels[index].figure.on_event("tap", (event) => {
        const record = state && state.records[channel];
        parts.editor.pick(event.x, record ? event.y * record.factor : NaN, channel);
      });
    }
    element("idex-change").addEventListener("click", () => { element("idex-editor").open = true; });
    const button = element("idex-add");
    drawing = window.pinakesIdexNewLine.drawing(viewer.named("idex-spectrum"), (begin, end) => parts.editor.draw(begin, end), (on) => {
      button.setAttribute("aria-pressed", String(on));
      element("idex-add-told").hidden = !on;
    });
    button.addEventListener("click", () => drawing.wait(!drawing.waits()));
    document.querySelector("#event > .keys").append(element("idex-keys"));
    for (const button of element("idex-legend").querySelectorAll("button")) button.addEventListener("click", () => mute(button));
    element("idex-strips").addEventListener("change", (event) => pulses.setStrips(event.target.checked));
    element("idex-view-panels").addEventListener("click", () => overlay(false));
    element("idex-view-overlay").addEventListener("click", () => overlay(true));
    for (const query of ["(prefers-color-scheme: dark)", "print"]) matchMedia(query).addEventListener("change", () => draw());
  }

  /** Mute a curve, or show it again. */
  function mute(button, shown = button.getAttribute("aria-pressed") !== "true") {
    button.setAttribute("aria-pressed", String(shown));
    if (button.dataset.model) viewer.named(button.dataset.model).visible = shown;
    else parts.spectrum.mute(button.dataset.curve, !shown);
    draw();
  }

  /** Channels with the same time axis in one figure: the three gains in the spectrum, the charges in one of their own. */
  function overlay(on) {
    element("idex-view-overlay").setAttribute("aria-pressed", String(on));
    element("idex-view-panels").setAttribute("aria-pressed", String(!on));
    element("idex-charges-panel").hidden = !on;
    element("panels").hidden = on;
    // A gain that is not used would only show its noise.
    ["high", "mid", "low"].forEach((gain, i) => mute(element("idex-legend").querySelector(`[data-curve=idex-${gain}]`), on && parts.spectrum.uses(i)));
    if (on) requestAnimationFrame(() => { dressAll(); draw(); });
  }

  function show(event) {
    state = stateOf(event);
    window.pinakesIdexBlocks.show(state);
    parts.pulses.show(state);
    drawing.wait(false);
    element("idex-add").disabled = state.none || !state.merged;
    parts.spectrum.show(state); // the only one that touches figures comes last, see the viewer
  }

  function draw() {
    if (!state) return;
    parts.spectrum.draw();
    parts.pulses.draw();
  }

  function rest(event) {
    const found = stateOf(event);
    window.pinakesIdexBlocks.rest(found);
    if (!found.none) window.pinakesIdexTables.show(found, choose, parts.editor.remove);
    parts.editor.show(found);
    parts.noise.show(found);
    parts.calculator.show(found);
  }

  /** A fit that was clicked in a table: shown in the figure, and handed to the editor. */
  function choose(fit, zoom = true) {
    if (!fit) return;
    if (fit.channel === "TOF") parts.spectrum.select(fit, zoom);
    parts.editor.choose(fit);
  }

  const press = (id) => element(id).click();
  const keys = {
    a: () => press("idex-add"),
    o: () => press(element("idex-charges-panel").hidden ? "idex-view-overlay" : "idex-view-panels"),
    r: () => press("idex-strips"),
    n: () => unfold("idex-noise"),
    e: () => { element("idex-editor").open = !element("idex-editor").open; },
  };

  function unfold(id) {
    element(id).open = !element(id).open;
    if (element(id).open) element(id).scrollIntoView({ block: "start" });
  }

  window.pinakesEventPages = window.pinakesEventPages || {};
  window.pinakesEventPages.idex = {
    arrange, start, show, draw, rest, keys,
    point: (time) => parts.spectrum.point(time),
    under: (index) => parts.pulses.under(index),
  };
})();
