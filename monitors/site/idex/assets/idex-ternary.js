// Three non-negative quantities of every event in a triangle, with guides; a tap opens the event.
"use strict";

(function () {
  const dash = window.pinakesDashboard;
  const columns = window.pinakesColumns;
  const element = (id) => document.getElementById(id);
  const { attempt } = window.pinakesPage;
  const defaults = JSON.parse(element("ternary-defaults").textContent);
  const CORNERS = ["a", "b", "c"];
  const TOP = Math.sqrt(3) / 2;
  let cuts = [];
  let figure = null;
  let named = null;
  let found = {};
  let points = { x: null, y: null, chosen: [] };
  let hues = [];
  let asked = 0;
  let redraw = 0;
  let card = null;

  const value = (name) => element(name).value;
  const preset = () => defaults.presets[value("preset")];

  function remember() {
    const own = preset() ? [] : CORNERS.flatMap((c) => [[`q${c}`, value(`q${c}`)], [`d${c}`, value(`d${c}`)]]);
    dash.address.write([["preset", value("preset")], ...own, ["hue", value("hue")], ...cuts.map((cut) => ["cut", dash.cutText(cut)])]);
  }

  function readAddress() {
    const given = dash.address.read();
    const numeric = (quantity) => !quantity.words;
    element("preset").value = given.get("preset") || "atoms";
    if (element("preset").selectedIndex < 0) element("preset").value = "atoms";
    CORNERS.forEach((corner, i) => {
      dash.fillSelect(element(`q${corner}`), given.get(`q${corner}`) || defaults.presets.atoms.names[i], { test: numeric });
      dash.fillSelect(element(`d${corner}`), given.get(`d${corner}`) || "", { none: "1", test: numeric });
    });
    dash.fillSelect(element("hue"), given.size ? given.get("hue") || "" : defaults.forsterite, { none: "one colour" });
    cuts = dash.makeCuts(element("cuts"), (given.size ? given.getAll("cut") : defaults.cuts).map(dash.cutOf), show);
  }

  /** The three quantities: those of the preset, or the reader's own. */
  function choices() {
    if (preset()) return preset().names.map((name) => dash.choice(name));
    return CORNERS.map((corner) => dash.choice(value(`q${corner}`), value(`d${corner}`)));
  }

  async function show() {
    const request = ++asked;
    element("own").hidden = Boolean(preset());
    remember();
    element("notice").textContent = "";
    const [three, hue, marks, ...facts] = await Promise.all([
      Promise.all(choices()), value("hue") ? dash.choice(value("hue")) : null, dash.passing(cuts),
      ...["id", "t", "set", "material", "forsterite"].map((name) => columns.column(defaults[name])),
    ]);
    if (request !== asked) return;
    const [id, t, set, material, forsterite] = facts;
    found = { three, hue, id: id.values, t: t.values, set, material, forsterite: forsterite.values };
    const x = new Float64Array(marks.length).fill(NaN);
    const y = new Float64Array(marks.length).fill(NaN);
    const chosen = [];
    let passed = 0;
    for (let i = 0; i < marks.length; i++) {
      passed += marks[i];
      const [a, b, c] = three.map((one) => one.values[i]);
      const sum = a + b + c;
      if (!marks[i] || !(a >= 0 && b >= 0 && c >= 0 && sum > 0 && Number.isFinite(sum))) continue;
      x[i] = (b + c / 2) / sum;
      y[i] = TOP * (c / sum);
      chosen.push(i);
    }
    points = { x, y, chosen };
    const mine = dash.colours(hue, chosen, element("legend"));
    hues = [];
    chosen.forEach((i, k) => { hues[i] = mine[k]; });
    const names = preset() ? preset().corners : three.map((one) => one.label);
    named.corners.data = { ...named.corners.data, text: names };
    for (const [guides, parts] of Object.entries(named.guides)) for (const part of parts) part.visible = Boolean(preset()) && preset().guides === guides;
    tell(marks.length, passed);
    tellSets();
    drawPoints();
    listEvents(names);
    document.documentElement.dataset.shown = String(chosen.length);
  }

  function tell(count, passed) {
    const parts = [`${points.chosen.length} of ${count} events`];
    if (columns.total() > count) parts.push(`the newest ${count} of ${columns.total()} in the archive`);
    if (passed < count) parts.push(`${count - passed} cut away`);
    if (passed > points.chosen.length) parts.push(`${passed - points.chosen.length} lack one of the three, or have a negative one`);
    element("counts").textContent = `${parts.join("; ")}.`;
  }

  /** Which sets of sensitivity factors the events in the figure were corrected with. */
  function tellSets() {
    const counts = new Map();
    for (const i of points.chosen) counts.set(found.set.codes[i], (counts.get(found.set.codes[i]) || 0) + 1);
    const said = Array.from(counts, ([code, events]) => `${code ? found.set.words[code - 1] : "none"} (${events} events)`);
    const applies = !preset() || value("preset") !== "areas";
    element("sets").textContent = !applies ? "No sensitivity factors are applied to areas." : said.length ? `Sensitivity factors (RSF): ${said.join(", ")}.` : "";
  }

  function drawPoints() {
    const kept = dash.distinct(points.x, points.y, points.chosen, dash.rangeOf(figure), dash.sizeOf(figure));
    named.points.data = { x: Float64Array.from(kept, (i) => points.x[i]), y: Float64Array.from(kept, (i) => points.y[i]), colour: kept.map((i) => hues[i]) };
    element("drawn").textContent = kept.length < points.chosen.length ? `${kept.length} drawn: the others lie under them or outside.` : "";
  }

  function shares(i) {
    const values = found.three.map((one) => one.values[i]);
    const sum = values.reduce((a, b) => a + b, 0);
    return values.map((one) => one / sum);
  }

  const materialOf = (i) => (found.material.codes[i] ? found.material.words[found.material.codes[i] - 1] : "–");
  const setOf = (i) => (found.set.codes[i] ? found.set.words[found.set.codes[i] - 1] : "none");

  function listEvents(names) {
    const newest = points.chosen.slice().sort((a, b) => found.t[b] - found.t[a]);
    const heads = [["Time", "UTC"], ...names.map((name) => [name, "share"]), ["Forsterite number", ""], ["Best material", ""]];
    dash.showTable(element("listed"), found.id, heads, newest, (i) => [dash.timeText(found.t[i]), ...shares(i).map((share) => share.toFixed(4)), found.forsterite[i], materialOf(i)]);
    const rows = () => points.chosen.map((i) => [
      found.id[i], dash.timeText(found.t[i], 6), ...found.three.map((one) => one.values[i]), ...shares(i), found.forsterite[i], materialOf(i), setOf(i),
    ]);
    const columnsOf = ["event_id", "t_utc", ...names, ...names.map((name) => `${name} share`), "forsterite", "material", "sensitivity"];
    dash.saveAs(element("csv"), "ternary.csv", columnsOf, rows);
  }

  function pick(what, event) {
    if (what === "away" || !points.chosen.length) { card.hide(); return; }
    const i = dash.nearest(points, event, dash.rangeOf(figure), dash.sizeOf(figure));
    if (i < 0) { card.hide(); return; }
    if (what === "tap") { location.href = dash.eventHref(found.id[i]); return; }
    const names = named.corners.data.text;
    const facts = shares(i).map((share, k) => [names[k], `${(100 * share).toFixed(1)} %`]);
    card.show(found.id[i], [["Event", String(found.id[i])], ["Time (UTC)", dash.timeText(found.t[i])], ...facts, ["Best material", materialOf(i)]], { sx: event.sx, sy: event.sy });
  }

  /** Equal steps to the right and upwards are equal on the screen. */
  function keepShape() {
    const size = dash.sizeOf(figure);
    const high = 1.08;
    const wide = (high * size.width) / size.height;
    dash.setRange(figure.y_range, [-0.1, 0.98]);
    dash.setRange(figure.x_range, [0.5 - wide / 2, 0.5 + wide / 2]);
  }

  async function start() {
    if (!columns.count()) {
      element("dashboard").hidden = true;
      element("nothing").hidden = false;
      return;
    }
    card = dash.makeCard(element("figures"));
    const get = await dash.figures(JSON.parse(element("plot-ternary").textContent), null);
    figure = get("ternary");
    named = {
      points: get("points"), corners: get("corners"),
      guides: { silicates: ["lines", "marks", "words"].map((part) => get(`silicates ${part}`)), minerals: ["marks", "words"].map((part) => get(`minerals ${part}`)) },
    };
    dash.onPointer(figure, pick);
    keepShape();
    readAddress();
    await show();
    dash.onRange(figure, () => { cancelAnimationFrame(redraw); redraw = requestAnimationFrame(drawPoints); });
    window.addEventListener("resize", () => setTimeout(keepShape, 100));
    for (const name of ["preset", "hue", ...CORNERS.flatMap((c) => [`q${c}`, `d${c}`])]) element(name).addEventListener("change", () => attempt(show()));
    window.addEventListener("hashchange", () => { readAddress(); attempt(show()); });
    for (const query of ["(prefers-color-scheme: dark)", "print"]) matchMedia(query).addEventListener("change", () => attempt(show()));
  }

  attempt(start());
})();
