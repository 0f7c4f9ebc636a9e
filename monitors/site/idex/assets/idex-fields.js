// Parts of the form that changes a fit: rows that ask for one thing each, and the values to begin with.
"use strict";

(function () {
  const words = window.pinakesIdexWords;
  const { make } = window.pinakesIdexTables;

  /** What functions need beyond their parameters, as one may begin. */
  const EXTRAS = { double_emg: "tau2=0.1 weight=0.7", hyper_emg: "taus_right=[0.02] weights_right=[0.5]" };

  /** Extras as the command has them, name=value, as an object; what cannot be read is left out. */
  function parsed(list) {
    const found = {};
    for (const each of list) {
      try {
        found[each.split("=")[0]] = JSON.parse(each.slice(each.indexOf("=") + 1));
      } catch {
        continue; // being typed
      }
    }
    return found;
  }

  /** Extras of a fit as text to begin with; empty where its function needs none. */
  function extrasOf({ fit, name }) {
    if (!EXTRAS[name]) return "";
    if (name !== fit.model || !fit.extras) return EXTRAS[name];
    return Object.entries(fit.extras).map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(" ");
  }

  /** Values to begin with: those of the fit, as near as they come in another function. */
  function startValues({ fit, name, kind }, record) {
    const now = fit.values.every(words.known) ? fit.values : guess(fit, kind, record);
    if (name === fit.model) return now;
    if (kind === "pulse") return name === "image_pulse" ? [now[0], now[1], 0.05 * now[2], now[2], 1, now[3], now[4]] : [now[0], now[1], now[3], now[5], now[6]];
    const tail = fit.model === "emg" ? 1 / now[3] : now[2];
    const fourth = { emg: 1 / tail, voigt: tail, double_emg: tail, generalized_normal: 2 };
    return [now[0], now[1], ["gaussian", "lorentzian"].includes(name) ? Math.hypot(now[2], tail) : now[2], fourth[name] || 1];
  }

  /** Values to begin with where a fit has none. */
  function guess(fit, kind, record) {
    const middle = words.known(fit.start) ? 0.5 * (fit.start + fit.stop) : 0;
    if (kind === "line") return [1e-3, middle, 0.01, 60];
    return [0, record ? record.baseline : 0, 1, 2, 50];
  }

  // ---- rows: {node, value()} ----------------------------------------------------------------------------------------

  function ionRow({ fit, known, changed }) {
    const row = make("p", "Ion ");
    const box = Object.assign(make("input"), { type: "text", id: "idex-ion", value: fit.species || "" });
    box.setAttribute("list", "idex-ions");
    const list = Object.assign(make("datalist"), { id: "idex-ions" });
    list.append(...(fit.candidates || []).map((name) => Object.assign(make("option", "within reach"), { value: name })));
    const near = Object.entries(known.comb).sort((a, b) => Math.abs(a[1] - fit.mass) - Math.abs(b[1] - fit.mass));
    list.append(...near.map(([name, mass]) => Object.assign(make("option", `${mass} u`), { value: name })));
    box.addEventListener("input", changed);
    row.append(box, list, make("span", " a name of the reference comb or a formula", "muted"));
    return { node: row, value: () => box.value.trim() };
  }

  function setRow({ state, changed }) {
    const row = make("p", "Set ");
    const box = Object.assign(make("select"), { id: "idex-set" });
    box.append(...Object.keys(state.calibration("sensitivity") || {}).map((name) => Object.assign(make("option", name), { value: name })));
    if (state.now.composition.sensitivity) box.value = state.now.composition.sensitivity;
    box.addEventListener("change", changed);
    row.append(box);
    return { node: row, value: () => box.value };
  }

  function gainsRow({ state, changed }) {
    const row = make("p");
    const used = state.now.spectrum.gains ? state.now.spectrum.gains.split(" ") : ["TOF_High", "TOF_Mid", "TOF_Low"];
    const boxes_ = [["H", "TOF_High"], ["M", "TOF_Mid"], ["L", "TOF_Low"]].map(([letter, name]) => {
      const box = Object.assign(make("input"), { type: "checkbox", id: `idex-gain-${letter}`, checked: used.includes(name) });
      box.addEventListener("change", changed);
      const label = make("label");
      label.append(box, ` ${words.channelName(name)} `);
      row.append(label);
      return [letter, box];
    });
    return { node: row, value: () => boxes_.filter(([, box]) => box.checked).map(([letter]) => letter) };
  }

  function baselineRow({ state, changed }) {
    const row = make("p", "Baseline of ");
    const channel = Object.assign(make("select"), { id: "idex-baseline-channel" });
    const number = Object.assign(make("input"), { type: "number", step: "any", id: "idex-baseline" });
    channel.append(...["TOF_High", "TOF_Mid", "TOF_Low"].map((name) => Object.assign(make("option", words.channelName(name)), { value: name })));
    const now = () => {
      const gain = state.merged && state.merged.gains.find((one) => one && one.name === words.channelName(channel.value));
      number.value = gain ? Number(gain.baseline.toPrecision(7)) : "";
    };
    now();
    channel.addEventListener("change", () => { now(); changed(); });
    number.addEventListener("input", changed);
    row.append(channel, " ", number, " mA");
    return { node: row, value: () => [channel.value, number.value === "" ? NaN : Number(number.value)] };
  }

  function materialRow({ state, changed }) {
    const row = make("p", "Material ");
    const box = Object.assign(make("input"), { type: "text", id: "idex-material", value: state.now.composition.material || "" });
    box.addEventListener("input", changed);
    row.append(box);
    return { node: row, value: () => box.value.trim() };
  }

  const ROWS = { species: ionRow, sensitivity: setRow, gains: gainsRow, baseline: baselineRow, material: materialRow };

  window.pinakesIdexFields = { ROWS, startValues, extrasOf, parsed };
})();
