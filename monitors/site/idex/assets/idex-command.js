// What an analyst means to say, as the very command that says it to the archive.
"use strict";

(function () {
  /** One argument for a POSIX shell. */
  function quoted(text) {
    return /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
  }

  /** A number with nine digits: more than any fit is known to. */
  const digits = (value) => String(Number(value.toPrecision(9)));

  const pairs = (values) => Object.entries(values || {}).map(([name, value]) => `${name}=${digits(value)}`);
  const window_ = (change) => (change.window ? ["--window", ...change.window.map(digits)] : []);
  const model = (change) => [...(change.model ? ["--model", change.model] : []), ...(change.extras || []).flatMap((each) => ["--extra", each])];
  const place = (change) => ["--channel", change.channel, ...(change.line ? ["--line", String(change.line)] : [])];

  const VERBS = {
    set: (change) => ["set", change.event, ...pairs(change.values), ...place(change), ...model(change), ...window_(change)],
    refit: (change) => ["refit", change.event, ...pairs(change.values), ...place(change), ...model(change), ...(change.fixed || []).flatMap((name) => ["--fix", name]), ...window_(change)],
    species: (change) => ["set", change.event, "--line", String(change.line), "--species", change.species],
    remove: (change) => ["set", change.event, "--line", String(change.line), "--remove"],
    add: (change) => ["set", change.event, "--add", ...window_(change)],
    anchors: (change) => ["set", change.event, ...Object.entries(change.anchors).flatMap(([line, ion]) => ["--anchor", `${line}=${ion}`])],
    gains: (change) => ["set", change.event, "--gains", change.gains.join(",")],
    baseline: (change) => ["set", change.event, "--channel", change.channel, "--baseline", digits(change.baseline)],
    material: (change) => ["set", change.event, "--material", change.material],
    sensitivity: (change) => ["set", change.event, "--sensitivity", change.set],
    reset: (change) => ["reset", change.event, ...(change.channel ? place(change) : [])],
  };

  /** The command of a change: {action, event, channel, line, values, fixed, window, species, anchors, set, author, reason}. */
  function command(change) {
    const parts = [...VERBS[change.action](change), "--author", change.author || "A. Name", "--reason", change.reason || "what you see"];
    return ["pinakes", "fits", ...parts].map(quoted).join(" ");
  }

  /** Why a change cannot be said yet; null when it can. */
  function fault(change) {
    const nothing = (given) => !given || !Object.keys(given).length;
    if (change.action === "set" && nothing(change.values) && !change.model) return "Move a parameter first.";
    if (change.action === "gains" && !change.gains.length) return "Choose at least one gain.";
    if (change.action === "baseline" && !Number.isFinite(change.baseline)) return "The baseline must be a number.";
    if (change.action === "material" && !change.material) return "Name the material.";
    if ((change.extras || []).some((each) => !/^\w+=\S+$/.test(each))) return "Extras look like tau2=0.05 weight=0.7, or taus_left=[0.1,0.2].";
    if (change.action === "species" && !change.species) return "Name the ion, for example 28Si or C2H5.";
    if (change.action === "add" && !change.window) return "Give the window of the new line.";
    if (change.action === "anchors" && nothing(change.anchors)) return "Name the ion of at least one line: one fixes the shift, two fix both.";
    const bad = Object.entries(change.values || {}).find(([name, value]) => !Number.isFinite(value) || (["sigma", "rise_time", "discharge_time", "image_time"].includes(name) && value <= 0) || (name === "lambda" && value <= 0 && !["double_emg", "gaussian", "lorentzian", "hyper_emg"].includes(change.model || change.shape)) || (name === "area" && value < 0));
    if (bad) return `${bad[0]} must be ${Number.isFinite(bad[1]) ? "positive" : "a number"}.`;
    if (change.window && !(change.window[0] < change.window[1])) return "The window must begin before it ends.";
    return null;
  }

  window.pinakesIdexCommand = { command, fault, quoted };
})();
