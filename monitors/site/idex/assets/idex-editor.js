// The form that changes a fit for the eye and writes the command that changes it in the archive.
"use strict";

(function () {
  const words = window.pinakesIdexWords;
  const { command, fault } = window.pinakesIdexCommand;
  const { make } = window.pinakesIdexTables;
  const { anchorRows } = window.pinakesIdexAnchors;
  const { ROWS, startValues, extrasOf, parsed } = window.pinakesIdexFields;
  const { startOf, fitted, tooFew } = window.pinakesIdexNewLine;
  const { ofPulse, ofLine, ofNew, ofRemoval } = window.pinakesIdexTold;
  const element = (id) => document.getElementById(id);

  const STEPS = 1000; // of a slider; the middle is the value it began with
  const FACTOR = 8; // by which a positive parameter may be moved up and down with the slider
  const POSITIVE = new Set(["area", "sigma", "lambda", "rise_time", "discharge_time", "image_time"]);
  const SYMBOLS = {
    area: "A", mu: "µ", sigma: "σ", lambda: "λ", time_of_impact: "t₀", constant_offset: "C₀", amplitude: "A", rise_time: "τr", discharge_time: "τd",
    image_amplitude: "C₁", image_time: "τ₀",
  };
  const HOW = {
    line: [["set", "set values as they stand"], ["refit", "refit from these values"], ["species", "name the ion"], ["remove", "take the line out"], ["reset", "take back what was said"]],
    pulse: [["set", "set values as they stand"], ["refit", "refit from these values"], ["reset", "take back what was said"]],
    new: [["add", "add and fit a line in a window"]],
    gains: [["gains", "choose which are merged"], ["baseline", "set the baseline of one"]],
    material: [["material", "say what the particle is made of"]],
    scale: [["anchors", "fix it by lines whose ion is known"]],
    sensitivity: [["sensitivity", "choose a set of factors"]],
    event: [["reset", "take back all that was said"]],
  };

  function create(viewer, spectrum, pulses) {
    let state = null;
    let target = null; // {kind, fit, names, units, start}
    let boxes = {}; // name -> {number, slider, fixed}
    let windowBoxes = null;
    let extra = null; // the further choice: ion, anchors, set of factors
    let extrasBox = null; // what a function needs beyond its parameters

    const open = () => element("idex-editor").open;
    const how = () => element("idex-edit-how").value;

    function show(found) {
      state = found;
      target = null;
      if (open()) fill();
    }

    // ---- choices -----------------------------------------------------------------------------------------------------

    function fill(chosen) {
      if (!state || state.none) return;
      const lines = state.lines.map((line) => [`line:${line.line}`, `Line ${line.line}${line.species ? ` · ${words.ion(line.species)}` : ""}${words.known(line.mass) ? ` · ${words.number(line.mass, 4)} u` : ""}`]);
      const channels = Object.keys(state.pulses).map((name) => [`pulse:${name}`, `Pulse of ${words.channelName(name)}`]);
      const others = [["new", "A new line"], ["scale", "The mass scale"], ["gains", "Gains"], ["material", "Material"], ["sensitivity", "Sensitivity factors"], ["event", "Everything"]];
      const value = chosen || element("idex-edit-what").value;
      options("idex-edit-what", [...channels, ...lines, ...others], value);
      begin();
    }

    function options(id, list, value) {
      element(id).replaceChildren(...list.map(([key, text]) => Object.assign(make("option", text), { value: key })));
      if (list.some(([key]) => key === value)) element(id).value = value;
    }

    function begin() {
      const [kind, name] = element("idex-edit-what").value.split(":");
      options("idex-edit-how", HOW[kind], how());
      const fit = kind === "line" ? state.lines.find((line) => String(line.line) === name) : kind === "pulse" ? state.pulses[name] : null;
      target = { kind, fit, name: fit ? fit.model : null, model: fit ? viewer.known.models[fit.model] || [] : [] };
      if (kind === "line") spectrum.select(fit, false);
      form();
    }

    function form() {
      const box = element("idex-edit-values");
      boxes = {};
      windowBoxes = null;
      extra = null;
      box.replaceChildren();
      const numbers = ["set", "refit"].includes(how());
      if (numbers) box.append(modelRow(), parameters());
      if ((numbers && target.kind === "line") || how() === "add") box.append(windowRow());
      if (how() === "anchors") extra = anchorRows(state, viewer.known, changed);
      if (ROWS[how()]) extra = ROWS[how()]({ state, fit: target.fit, known: viewer.known, changed });
      if (extra) box.append(extra.node);
      if (numbers) box.append(pickRow());
      changed();
    }

    // ---- parameters --------------------------------------------------------------------------------------------------

    function parameters() {
      const grid = make("div", undefined, "idex-parameters");
      const values = startValues(target, state.records[target.fit.channel]);
      target.model.forEach(({ name, unit, meaning }, i) => {
        const label = make("label", `${SYMBOLS[name]} `, "name");
        label.append(make("span", name, "mono"), make("span", ` ${unit}`, "unit"));
        label.title = meaning;
        const id = `idex-value-${name}`;
        label.htmlFor = id;
        const slider = Object.assign(make("input"), { type: "range", min: 0, max: STEPS, value: STEPS / 2, id: `idex-slider-${name}` });
        slider.setAttribute("aria-label", `${name}, slider`);
        const number = Object.assign(make("input"), { type: "number", step: "any", id, value: words.known(values[i]) ? Number(values[i].toPrecision(9)) : "" });
        const fixed = Object.assign(make("input"), { type: "checkbox", id: `idex-fix-${name}` });
        const hold = make("label", undefined, "fix");
        hold.append(fixed, " fixed");
        hold.style.visibility = how() === "refit" ? "visible" : "hidden";
        const start = values[i];
        const span = spanOf(name, start);
        slider.addEventListener("input", () => {
          const part = (slider.value - STEPS / 2) / (STEPS / 2);
          const value = POSITIVE.has(name) ? start * FACTOR ** part : start + span * part;
          number.value = Number(value.toPrecision(6));
          changed();
        });
        number.addEventListener("input", () => {
          const value = Number(number.value);
          const part = POSITIVE.has(name) ? Math.log(value / start) / Math.log(FACTOR) : (value - start) / span;
          if (Number.isFinite(part)) slider.value = Math.round(STEPS / 2 + (Math.max(-1, Math.min(1, part)) * STEPS) / 2);
          changed();
        });
        fixed.addEventListener("change", changed);
        grid.append(label, slider, number, hold);
        boxes[name] = { number, slider, fixed, start };
      });
      return grid;
    }

    /** How far the slider of a parameter goes to both sides. */
    function spanOf(name, start) {
      const fit = target.fit;
      if (name === "mu") return Math.max(0.05, words.known(fit.start) ? fit.stop - fit.start : 0.5);
      if (name === "time_of_impact") return 5;
      const height = words.known(fit.values[2]) ? Math.abs(fit.values[2]) : 1;
      return name === "constant_offset" ? height || 1 : 3 * (Math.abs(start) || 1);
    }

    /** The function of the fit: another one may be chosen, and some need more than the parameters. */
    function modelRow() {
      const row = make("p", "Function ");
      const box = Object.assign(make("select"), { id: "idex-model" });
      const lines = target.kind === "line";
      const names = Object.keys(viewer.known.models).filter((name) => lines !== name.includes("pulse"));
      box.append(...names.map((name) => Object.assign(make("option", name.replaceAll("_", " ")), { value: name })));
      box.value = target.name;
      box.addEventListener("change", () => {
        Object.assign(target, { name: box.value, model: viewer.known.models[box.value] });
        form();
      });
      row.append(box);
      extrasBox = null;
      if (extrasOf(target)) {
        extrasBox = Object.assign(make("input"), { type: "text", id: "idex-extras", size: 34, value: extrasOf(target) });
        extrasBox.addEventListener("input", changed);
        row.append(" with ", extrasBox);
      }
      return row;
    }

    const extras = () => (extrasBox ? extrasBox.value.split(/\s+/).filter(Boolean) : []);

    function values() {
      return Object.fromEntries(Object.entries(boxes).map(([name, { number }]) => [name, number.value === "" ? NaN : Number(number.value)]));
    }

    function changedValues() {
      const found = values();
      if (target.name !== target.fit.model) return found; // another function: every value is said
      const same = (name) => words.known(target.fit.values[indexOf(name)]) && found[name] === Number(target.fit.values[indexOf(name)].toPrecision(9));
      return Object.fromEntries(Object.entries(found).filter(([name]) => !same(name)));
    }

    const indexOf = (name) => target.model.findIndex((one) => one.name === name);

    // ---- window, ion, factors, click ---------------------------------------------------------------------------------

    function windowRow() {
      const row = make("p", "Window ", "idex-window-row");
      const { fit } = target;
      const narrow = viewer.xRange.end - viewer.xRange.start < 2;
      const middle = 0.5 * (viewer.xRange.start + viewer.xRange.end);
      const start = fit ? [fit.start, fit.stop] : narrow ? [viewer.xRange.start, viewer.xRange.end] : [middle - 0.1, middle + 0.1];
      windowBoxes = start.map((value, i) => {
        const box = Object.assign(make("input"), { type: "number", step: "any", id: `idex-window-${i ? "stop" : "start"}`, value: words.known(value) ? Number(value.toFixed(4)) : "" });
        box.addEventListener("input", changed);
        return box;
      });
      const sight = make("button", "what is in sight", "act");
      sight.type = "button";
      sight.addEventListener("click", () => {
        windowBoxes[0].value = viewer.xRange.start.toFixed(4);
        windowBoxes[1].value = viewer.xRange.end.toFixed(4);
        changed();
      });
      row.append(windowBoxes[0], " to ", windowBoxes[1], " µs ", sight);
      windowBoxes.before = fit ? windowBoxes.map((box) => box.value) : [null, null];
      return row;
    }

    const windowOf = () => windowBoxes.map((box) => (box.value === "" ? NaN : Number(box.value)));
    const windowNow = () => (windowBoxes && windowBoxes.some((box, i) => box.value !== windowBoxes.before[i]) ? windowOf() : null);

    let picks = "";

    /** A click on the figure may fill a parameter. */
    function pickRow() {
      const row = make("p", "A click on the figure sets ");
      const box = Object.assign(make("select"), { id: "idex-pick" });
      const names = target.kind === "line" ? ["mu"] : ["time_of_impact", "constant_offset", "amplitude"];
      box.append(...["", ...names].map((name) => Object.assign(make("option", name ? `${SYMBOLS[name]} ${name}` : "nothing"), { value: name })));
      box.addEventListener("change", () => { picks = box.value; });
      picks = "";
      row.append(box);
      return row;
    }

    /** A click on a panel at this time and, in the panel of the pulse, at this value, pC; whether it was of use here. */
    function pick(time, value, channel) {
      if (!open() || !picks || !boxes[picks]) return false;
      const wanted = picks === "constant_offset" ? value : picks === "amplitude" ? value - values().constant_offset : time;
      if (target.kind === "pulse" && picks !== "time_of_impact" && channel !== target.fit.channel) return true;
      if (!words.known(wanted)) return true;
      boxes[picks].number.value = Number(wanted.toPrecision(6));
      boxes[picks].number.dispatchEvent(new Event("input"));
      return true;
    }

    // ---- what follows ------------------------------------------------------------------------------------------------

    function change() {
      const found = {
        action: how(), event: state.event.identity, author: element("idex-author").value.trim(), reason: element("idex-reason").value.trim(),
      };
      if (target.kind === "line") Object.assign(found, { channel: "TOF", line: target.fit.line });
      if (target.kind === "pulse") found.channel = target.fit.channel;
      if (found.action === "set" || found.action === "refit") found.values = changedValues();
      if (found.action === "refit") found.fixed = Object.keys(boxes).filter((name) => boxes[name].fixed.checked);
      if (found.action === "species") found.species = extra.value();
      if (found.action === "anchors") found.anchors = extra.value();
      if (found.action === "sensitivity") found.set = extra.value();
      if (found.action === "gains") found.gains = extra.value();
      if (found.action === "baseline") [found.channel, found.baseline] = extra.value();
      if (found.action === "material") found.material = extra.value();
      if (found.values) {
        found.shape = target.fit.model;
        if (target.name !== target.fit.model) found.model = target.name;
        if (extrasBox) Object.assign(found, { model: target.name, extras: extras() });
      }
      const window_ = found.action === "add" && windowBoxes ? windowOf() : windowNow();
      if (window_) found.window = window_;
      return found;
    }

    function changed() {
      const found = change();
      const wrong = fault(found) || (found.window && target.kind !== "pulse" && state.merged && tooFew(state.merged, found.window));
      element("idex-edit-problem").textContent = wrong || "";
      element("idex-copy").disabled = Boolean(wrong);
      // One piece an argument, so that a line breaks only between them.
      const parts = wrong ? [] : command(found).split(/ (?=--|[a-z_]+=)/);
      element("idex-command").replaceChildren(...parts.flatMap((part, i) => [i ? " " : "", make("span", part)]));
      element("idex-copied").textContent = "";
      preview(found);
    }

    /** Curves and numbers follow what stands in the boxes. */
    function preview(found) {
      const numbers = found.values ? target.model.map(({ name }) => values()[name]) : null;
      const moved = numbers && Object.keys(found.values).length;
      spectrum.edit(target.kind === "line" && moved ? { line: target.fit, shape: target.name, extras: parsed(extras()), values: numbers, window: found.window || [target.fit.start, target.fit.stop] } : found.action === "anchors" ? { scale: extra.scale() } : null);
      pulses.edit(target.kind === "pulse" && moved ? { channel: target.fit.channel, values: numbers } : null);
      element("idex-edit-result").textContent = numbers ? told(numbers, found) : found.action === "anchors" ? extra.told() : "";
      if (found.action === "add") previewNew(found.window);
      if (found.action === "remove") previewWithout();
    }

    /** A line that is added, fitted here as the archive will, and its numbers. */
    function previewNew(wanted) {
      const start = state.merged && wanted[0] < wanted[1] ? startOf(state.merged, state.lines, ...wanted) : null;
      const values = start && fitted(state.merged, state.lines, ...wanted, start);
      spectrum.edit(values ? { line: null, values, shape: "emg", window: wanted } : null);
      element("idex-edit-result").textContent = state.merged ? ofNew(state, values, wanted) : "";
    }

    /** A line that is taken out: the sum of the others, and what that does to the residuals of its window. */
    function previewWithout() {
      spectrum.edit({ line: target.fit, removed: true });
      element("idex-edit-result").textContent = ofRemoval(state, target.fit);
    }

    function told(numbers, found) {
      if (target.kind === "pulse") return ofPulse(state, target.fit, numbers);
      const line = { ...target.fit, values: numbers, shape: target.name, extras: parsed(extras()) };
      return ofLine(state, target.fit, line, found.window || [target.fit.start, target.fit.stop]);
    }

    /** Open the editor at a fit. */
    function choose(fit) {
      if (!open()) return;
      fill(fit.channel === "TOF" ? `line:${fit.line}` : `pulse:${fit.channel}`);
    }

    /** A window drawn in the spectrum: of the line that is being changed, else of a new one. */
    function draw(begin, end) {
      const mine = open() && windowBoxes && target && target.kind === "line";
      if (!mine) {
        element("idex-editor").open = true;
        fill("new");
      }
      windowBoxes.forEach((box, i) => { box.value = (i ? end : begin).toFixed(4); });
      changed();
      const { xRange } = viewer;
      if (end - begin < (xRange.end - xRange.start) / 15) xRange.setv({ start: begin - 3 * (end - begin), end: end + 3 * (end - begin) });
      element("idex-spectrum").scrollIntoView({ block: "nearest" }); // not under the form
    }

    /** The command that takes a line out. */
    function remove(fit) {
      element("idex-editor").open = true;
      fill(`line:${fit.line}`);
      element("idex-edit-how").value = "remove";
      form();
      spectrum.select(fit, true);
    }

    function stop() {
      spectrum.edit(null);
      pulses.edit(null);
    }

    function listen() {
      element("idex-editor").addEventListener("toggle", () => {
        if (!open()) { target = null; stop(); }
        else if (!target) fill(); // unless it was opened for something
      });
      element("idex-edit-what").addEventListener("change", begin);
      element("idex-edit-how").addEventListener("change", form);
      for (const id of ["idex-author", "idex-reason"]) {
        element(id).value = localStorageOf(id) || "";
        element(id).addEventListener("input", () => {
          localStorageOf(id, element(id).value);
          changed();
        });
      }
      element("idex-again").addEventListener("click", begin);
      element("idex-close").addEventListener("click", () => { element("idex-editor").open = false; });
      element("idex-copy").addEventListener("click", copy);
    }

    /** The name is remembered where the browser permits it. */
    function localStorageOf(id, value) {
      if (id !== "idex-author") return undefined;
      try {
        if (value === undefined) return localStorage.getItem("pinakes-author");
        localStorage.setItem("pinakes-author", value);
      } catch {
        return undefined; // pages from disk may have no storage
      }
      return value;
    }

    async function copy() {
      const text = element("idex-command").textContent;
      try {
        await navigator.clipboard.writeText(text);
        element("idex-copied").textContent = "Copied.";
      } catch {
        getSelection().selectAllChildren(element("idex-command")); // no clipboard: the text is marked instead
        element("idex-copied").textContent = "The text is marked: copy it with the keyboard.";
      }
    }

    listen();
    return { show, choose, pick, draw, remove, stop };
  }

  window.pinakesIdexEditor = { create };
})();
