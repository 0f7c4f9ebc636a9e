// Tables of the fits of an event: mass lines and charge pulses, with what the automatic analysis found beneath what an
// analyst says, and the list of what was said.
"use strict";

(function () {
  const words = window.pinakesIdexWords;
  const { known, number, concise, percent, ion, state, channelName, NOTHING } = words;
  const element = (id) => document.getElementById(id);

  let models = {};

  /** Where a parameter stands among the values of a fit; -1 when its function has none of that name. */
  const placeOf = (row, name) => (models[row.model] || []).findIndex((one) => one.name === name);

  function named(row, name) {
    const i = placeOf(row, name);
    return i < 0 ? NOTHING : concise(row.values[i], row.errors[i]);
  }

  /** What a head means where a word is too little. */
  const MEANINGS = {
    "µ": "location of the Gaussian, from the trigger; not the maximum", "σ": "width of the Gaussian", "λ": "rate of the tail",
    "τ": "tail time 1/λ", Area: "total area of the line", "In window": "area within the line's own window",
    Lines: "area over that of all lines", Record: "area over the positive area of the whole record", SNR: "height over noise",
    "m/Δm": "flight time over twice the full width at half maximum", "χ²/ν": "reduced chi-square in units of the noise before the onset",
    "Charge Q": "height of the fitted pulse above its baseline", "Amplitude A": "parameter of the fit; not the charge",
    "Rise τr": "e-folding time of the rise", "Decay τd": "e-folding time of the decay", "10–90 %": "rise time on the fitted curve",
  };

  /** Column: head, unit, kind of cell, and what a row shows there. */
  const LINES = [
    ["Line", "", "number", (row) => String(row.line)],
    ["Ion", "", "", (row) => (row.species ? ion(row.species) + (row.species_unique === false ? " ?" : "") : NOTHING) + (row.model === "emg" ? "" : `, ${row.model.replaceAll("_", " ")}`)],
    ["Mass", "u", "number", (row) => concise(row.mass, row.mass_error)],
    ["µ", "µs", "number", (row) => concise(row.values[1], row.errors[1])],
    ["σ", "µs", "number", (row) => concise(row.values[2], row.errors[2])],
    ["λ", "1/µs", "number", (row) => concise(row.values[3], row.errors[3])],
    ["τ", "µs", "number", (row) => (known(row.values[3]) ? concise(1 / row.values[3], known(row.errors[3]) ? row.errors[3] / row.values[3] ** 2 : null) : NOTHING)],
    ["Area", "mA µs", "number", (row) => concise(row.values[0], row.errors[0])],
    ["In window", "mA µs", "number", (row) => number(row.area_in_window, 4)],
    ["Lines", "%", "number", (row) => percent(row.fraction_of_lines)],
    ["Record", "%", "number", (row) => percent(row.fraction_of_record)],
    ["SNR", "", "number", (row) => number(row.snr, 3)],
    ["m/Δm", "", "number", (row) => number(row.resolution, 3)],
    ["Status", "", "idex-status", (row) => state(row.status, row.reason)],
  ];
  const PULSES = [
    ["Channel", "", "", (row) => channelName(row.channel)],
    ["Charge Q", "pC", "number", (row) => (known(row.charge) ? concise(row.charge, row.charge_error) : known(row.charge_limit) ? `< ${number(row.charge_limit, 3)}` : NOTHING)],
    ["Impact t₀", "µs", "number", (row) => named(row, "time_of_impact")],
    ["Baseline C₀", "pC", "number", (row) => named(row, "constant_offset")],
    ["Amplitude A", "pC", "number", (row) => named(row, "amplitude")],
    ["Rise τr", "µs", "number", (row) => named(row, "rise_time")],
    ["Decay τd", "µs", "number", (row) => named(row, "discharge_time")],
    ["10–90 %", "µs", "number", (row) => number(row.rise_10_90, 4)],
    ["Maximum at", "µs", "number", (row) => number(row.t_max, 4)],
    ["Speed", "km/s", "number", (row) => number(row.speed, 3)],
    ["Mass", "kg", "number", (row) => number(row.mass, 3)],
    ["χ²/ν", "", "number", (row) => (known(row.chi2) && row.dof > 0 && row.noise > 0 ? number(row.chi2 / row.dof / row.noise ** 2, 3) : NOTHING)],
    ["Status", "", "idex-status", (row) => state(row.status, row.reason)],
  ];

  function make(tag, text, className) {
    const node = document.createElement(tag);
    if (text !== undefined) node.append(text);
    if (className) node.className = className;
    return node;
  }

  /**
   * A table of fits; `original` finds the automatic fit of a row, which is shown beneath a row that differs. With `remove`
   * every row has a button that takes it out.
   */
  function fitTable(columns, rows, original, choose, remove) {
    const table = make("table", undefined, "data idex-fits");
    const head = table.createTHead().insertRow();
    for (const [label, unit, kind] of columns) {
      const cell = make("th", label, kind);
      if (unit) cell.append(" ", make("span", unit, "unit"));
      cell.title = MEANINGS[label] || "";
      head.append(cell);
    }
    if (remove) head.append(make("td"));
    const body = table.createTBody();
    for (const row of rows) {
      const line = body.insertRow();
      if (choose) {
        line.tabIndex = 0;
        line.addEventListener("click", () => choose(row));
        line.addEventListener("keydown", (event) => { if (event.key === "Enter") choose(row); });
      }
      columns.forEach(([, , kind, show]) => line.append(make("td", show(row), kind)));
      if (remove) line.append(removal(row, remove));
      const before = original && original(row);
      if (row.origin !== "override" || before === undefined) continue;
      line.className = "idex-changed";
      const old = body.insertRow();
      old.className = "idex-original";
      if (!before) {
        old.append(Object.assign(make("td", "↳ added by an analyst: the automatic analysis has no such line"), { colSpan: columns.length }));
        continue;
      }
      columns.forEach(([label, , kind, show], i) => old.append(make("td", i === 0 ? "↳ automatic" : label === "Status" ? state(before.status, before.reason) : show(before), i === 0 ? "" : kind)));
    }
    return table;
  }

  /** A cell with the button that takes a line out. */
  function removal(row, remove) {
    const button = make("button", "✕", "act idex-remove");
    button.type = "button";
    button.title = `Take line ${row.line} out: the command for the archive`;
    button.setAttribute("aria-label", button.title);
    for (const kind of ["click", "keydown"]) button.addEventListener(kind, (event) => event.stopPropagation());
    button.addEventListener("click", () => remove(row));
    return make("td", button, "idex-act");
  }

  function scroll(table) {
    const box = make("div", undefined, "scroll");
    box.append(table);
    return box;
  }

  function show(found, choose, remove) {
    const now = found.lines;
    const old = found.original;
    const removed = old ? old.lines.filter((line) => !now.some((other) => other.line === line.line)) : [];
    element("idex-lines-count").textContent = now.length ? `${now.length} fitted, ${now.filter((line) => line.species).length} named` : "";
    const empty = found.none ? "The event has no analysis yet." : "No line stands out of the noise. That is a result, not a fault.";
    element("idex-lines").replaceChildren(
      now.length ? scroll(fitTable(LINES, now, old && ((row) => old.lines.find((line) => line.line === row.line) || null), choose, remove)) : make("p", empty, "empty"),
    );
    if (removed.length) element("idex-lines").append(make("p", `Taken out by an analyst: line ${removed.map((line) => `${line.line}${line.species ? ` (${ion(line.species)})` : ""}`).join(", ")}.`, "muted"));
    const pulses = Object.values(found.pulses);
    element("idex-pulse-table").replaceChildren(
      pulses.length ? scroll(fitTable(PULSES, pulses, old && ((row) => old.pulses[row.channel] || null), choose)) : make("p", "No pulse was fitted.", "empty"),
    );
    showOverrides(found.overrides);
  }

  const SAID = {
    gains: "chose the gains", baseline: "set the baseline", material: "named the material",
    set: "set", refit: "refitted", add: "added a line", remove: "took the line out", species: "named the ion",
    anchors: "anchored the mass scale", sensitivity: "chose sensitivity factors", reset: "took back what was said before",
  };

  /** What analysts said, the newest first. */
  function showOverrides(overrides) {
    const box = element("idex-overrides");
    box.hidden = !overrides.length;
    if (!overrides.length) return;
    const table = make("table", undefined, "data");
    const head = table.createTHead().insertRow();
    for (const label of ["Time (UTC)", "Analyst", "What", "Why"]) head.append(make("th", label, label === "Why" ? "prose" : ""));
    const body = table.createTBody();
    for (const each of [...overrides].reverse()) {
      const row = body.insertRow();
      row.append(make("td", each.at.slice(0, 19).replace("T", " ")), make("td", each.author));
      const what = make("td", `${SAID[each.action] || each.action}: ${subject(each)} ${argumentsOf(each)}`.trim());
      if (each.needs_review) {
        const warned = state("needs_review", "the automatic fit has moved by more than three standard errors since");
        what.append(" ", warned);
      }
      row.append(what, make("td", each.reason, "prose"));
    }
    element("idex-overrides-list").replaceChildren(scroll(table));
    element("idex-overrides-count").textContent = String(overrides.length);
  }

  const subject = (each) => (each.channel ? `${channelName(each.channel)}${each.line ? ` line ${each.line}` : ""}` : "whole event");

  function argumentsOf(each) {
    const parts = [];
    const given = each.arguments || {};
    for (const [name, value] of Object.entries(given.values || {})) parts.push(`${name} = ${number(value, 6)}`);
    for (const [line, name] of Object.entries(given.lines || {})) parts.push(`line ${line} = ${ion(name)}`);
    if (given.species) parts.push(ion(given.species));
    if (given.set) parts.push(given.set);
    if (given.model) parts.push(given.model.replaceAll("_", " "));
    if (given.gains) parts.push(given.gains.map(channelName).join(", "));
    if (typeof given.value === "number") parts.push(`${number(given.value, 6)} mA`);
    if (given.material) parts.push(given.material);
    if (given.fixed && given.fixed.length) parts.push(`fixed ${given.fixed.join(", ")}`);
    if (given.window) parts.push(`window ${given.window.map((t) => number(t, 5)).join(" to ")} µs`);
    return parts.length ? `(${parts.join("; ")})` : "";
  }

  window.pinakesIdexTables = { show, make, placeOf, learn(found) { models = found; } };
})();
