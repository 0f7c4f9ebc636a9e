// Scatter of any two quantities of every event, coloured by a third, with cuts; a tap opens the event.
"use strict";

(function () {
  const dash = window.pinakesDashboard;
  const columns = window.pinakesColumns;
  const element = (id) => document.getElementById(id);
  const defaults = JSON.parse(element("explorer-defaults").textContent);
  const SELECTS = ["x", "xd", "y", "yd", "c"];
  const FORMULAS = ["xf", "yf"];
  const KINDS = ["linear-linear", "linear-log", "log-linear", "log-log"];
  let cuts = [];
  let figures = {};
  let figure = null; // the one that is shown
  let points = { x: null, y: null, chosen: [] }; // in the coordinates of the screen: logarithms on log axes
  let found = {}; // x, y, colour as chosen; id and t of every event
  let asked = 0;
  let hues = [];
  let redraw = 0;
  let card = null;

  const log = (axis) => element(`log-${axis}`).checked;

  function remember() {
    const values = [...SELECTS, ...FORMULAS].map((name) => [name, element(name).value.trim()]);
    values.push(["lx", log("x")], ["ly", log("y")], ...cuts.map((cut) => ["cut", dash.cutText(cut)]));
    dash.address.write(values);
  }

  function readAddress() {
    const given = dash.address.read();
    const chosen = (name) => (given.size ? given.get(name) || "" : defaults[name] || "");
    const numeric = (quantity) => !quantity.words;
    dash.fillSelect(element("x"), chosen("x") || defaults.x);
    dash.fillSelect(element("y"), chosen("y") || defaults.y);
    for (const name of ["xd", "yd"]) dash.fillSelect(element(name), chosen(name), { none: "nothing", test: numeric });
    dash.fillSelect(element("c"), chosen("c"), { none: "one colour" });
    for (const name of FORMULAS) element(name).value = chosen(name);
    element("log-x").checked = chosen("lx") === "1";
    element("log-y").checked = chosen("ly") === "1";
    const texts = given.size ? given.getAll("cut") : defaults.cuts;
    cuts = dash.makeCuts(element("cuts"), texts.map(dash.cutOf), show);
  }

  /** Show the figure for the chosen kinds of axes. */
  function turnTo(kind) {
    for (const name of KINDS) element(`figure-${name}`).hidden = name !== kind;
    figure = figures[kind];
  }

  function drawPoints() {
    const range = dash.rangeOf(figure);
    const inLog = (limits, isLog) => (isLog ? limits.map(Math.log10) : limits);
    const screen = { x: inLog(range.x, log("x")), y: inLog(range.y, log("y")) };
    const kept = dash.distinct(points.x, points.y, points.chosen, screen, dash.sizeOf(figure));
    const kind = `${log("x") ? "log" : "linear"}-${log("y") ? "log" : "linear"}`;
    const source = figures[`${kind} points`];
    source.data = {
      x: Float64Array.from(kept, (i) => found.x.values[i]),
      y: Float64Array.from(kept, (i) => found.y.values[i]),
      colour: kept.map((i) => hues[i]),
    };
    element("drawn").textContent = kept.length < points.chosen.length ? `${kept.length} drawn: the others lie under them or outside.` : "";
  }

  /** What an axis shows: the formula when there is one, else the quantity, divided by another when one is chosen. */
  async function axis(name) {
    const text = element(`${name}f`).value.trim();
    return text ? dash.formula(text) : dash.choice(element(name).value, element(`${name}d`).value);
  }

  async function show() {
    const request = ++asked;
    remember();
    element("notice").textContent = "";
    const value = (name) => element(name).value;
    const [x, y, colour, marks, id, t] = await Promise.all([
      axis("x"), axis("y"), value("c") ? dash.choice(value("c")) : null,
      dash.passing(cuts), columns.column(defaults.id), columns.column(defaults.t),
    ]);
    if (request !== asked) return;
    found = { x, y, colour, id: id.values, t: t.values };
    const chosen = [];
    let passed = 0;
    let without = 0;
    for (let i = 0; i < marks.length; i++) {
      if (!marks[i]) continue;
      passed++;
      const a = x.values[i];
      const b = y.values[i];
      if (Number.isFinite(a) && Number.isFinite(b) && !(log("x") && a <= 0) && !(log("y") && b <= 0)) chosen.push(i);
      else without++;
    }
    points = {
      chosen, x: log("x") ? x.values.map(Math.log10) : x.values, y: log("y") ? y.values.map(Math.log10) : y.values,
    };
    const mine = dash.colours(colour, chosen, element("legend"));
    hues = [];
    chosen.forEach((i, k) => { hues[i] = mine[k]; });
    tell(marks.length, passed, without);
    turnTo(`${log("x") ? "log" : "linear"}-${log("y") ? "log" : "linear"}`);
    nameAxis(figure.below[0], x);
    nameAxis(figure.left[0], y);
    dash.setRange(figure.x_range, dash.extent(x.values, chosen, log("x")));
    dash.setRange(figure.y_range, dash.extent(y.values, chosen, log("y")));
    drawPoints();
    listEvents();
    document.documentElement.dataset.shown = String(chosen.length);
  }

  function nameAxis(axis, choice) {
    axis.axis_label = choice.label;
    axis.major_label_overrides = new Map(choice.words ? choice.words.map((word, i) => [i + 1, word.length > 24 ? `${word.slice(0, 23)}…` : word]) : []);
  }

  function tell(count, passed, without) {
    const parts = [`${points.chosen.length} of ${count} events`];
    if (columns.total() > count) parts.push(`the newest ${count} of ${columns.total()} in the archive`);
    if (passed < count) parts.push(`${count - passed} cut away`);
    if (without) parts.push(`${without} have no value${log("x") || log("y") ? ", or none that a logarithmic axis can show" : ""}`);
    element("counts").textContent = `${parts.join("; ")}.`;
  }

  const text = (choice, i) => (choice.words ? choice.words[choice.values[i] - 1] || "–" : choice.values[i]);

  function listEvents() {
    const shown = [found.x, found.y, ...(found.colour ? [found.colour] : [])];
    const heads = [["Time", "UTC"], ...shown.map((choice) => [choice.label, ""])];
    const newest = points.chosen.slice().sort((a, b) => found.t[b] - found.t[a]);
    dash.showTable(element("listed"), found.id, heads, newest, (i) => [dash.timeText(found.t[i]), ...shown.map((choice) => text(choice, i))]);
    const names = ["event_id", "t_utc", ...shown.map((choice) => choice.label)];
    dash.saveAs(element("csv"), "events.csv", names, () => points.chosen.map((i) => [found.id[i], dash.timeText(found.t[i], 6), ...shown.map((choice) => text(choice, i))]));
  }

  function pick(what, event) {
    if (what === "away" || !points.chosen.length) { card.hide(); return; }
    const inLog = (value, axis) => (log(axis) ? Math.log10(value) : value);
    const range = dash.rangeOf(figure);
    const limits = { x: range.x.map((v) => inLog(v, "x")), y: range.y.map((v) => inLog(v, "y")) };
    const i = dash.nearest(points, { x: inLog(event.x, "x"), y: inLog(event.y, "y") }, limits, dash.sizeOf(figure));
    if (i < 0) { card.hide(); return; }
    if (what === "tap") { location.href = dash.eventHref(found.id[i]); return; }
    const facts = [["Event", String(found.id[i])], ["Time (UTC)", dash.timeText(found.t[i])], [found.x.label, words(found.x, i)], [found.y.label, words(found.y, i)]];
    if (found.colour) facts.push([found.colour.label, words(found.colour, i)]);
    card.show(found.id[i], facts, { sx: event.sx, sy: event.sy });
  }

  const words = (choice, i) => { const value = text(choice, i); return typeof value === "number" ? dash.shown(value) : value; };

  function attempt(promise) {
    promise.catch((error) => { element("notice").textContent = error.message.endsWith("loaded") ? `${error.message}. Build the site again: pinakes site build` : `${error.message}.`; });
  }

  async function start() {
    if (!columns.count()) {
      element("dashboard").hidden = true;
      element("nothing").hidden = false;
      return;
    }
    card = dash.makeCard(element("figures"));
    const named = await dash.figures(JSON.parse(element("plot-explorer").textContent), null);
    for (const kind of KINDS) {
      figures[kind] = named(kind);
      figures[`${kind} points`] = named(`points-${kind}`);
      dash.onPointer(figures[kind], pick);
      dash.onRange(figures[kind], () => { cancelAnimationFrame(redraw); redraw = requestAnimationFrame(() => { if (figure === figures[kind]) drawPoints(); }); });
    }
    element("names").append(...columns.quantities().map((quantity) => new Option(dash.axisLabel(quantity), quantity.name)));
    readAddress();
    for (const name of [...SELECTS, ...FORMULAS, "log-x", "log-y"]) element(name).addEventListener("change", () => attempt(show()));
    element("swap").addEventListener("click", () => {
      for (const [a, b] of [["x", "y"], ["xd", "yd"], ["xf", "yf"]]) [element(a).value, element(b).value] = [element(b).value, element(a).value];
      [element("log-x").checked, element("log-y").checked] = [log("y"), log("x")];
      attempt(show());
    });
    window.addEventListener("hashchange", () => { readAddress(); attempt(show()); });
    for (const query of ["(prefers-color-scheme: dark)", "print"]) matchMedia(query).addEventListener("change", () => attempt(show()));
    await show();
  }

  attempt(start());
})();
