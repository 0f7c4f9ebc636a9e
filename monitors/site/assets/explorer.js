// Scatters of any two quantities of every event, coloured by a third: one, two or four side by side, with cuts, the brush and
// the marked event in common; a tap opens the event.
"use strict";

(function () {
  const dash = window.pinakesDashboard;
  const columns = window.pinakesColumns;
  const element = (id) => document.getElementById(id);
  const defaults = JSON.parse(element("explorer-defaults").textContent);
  const COUNTS = ["1", "2", "4"];
  let cuts = [];
  let panels = []; // all four; those beyond the chosen number are not shown
  let all = null; // marks, ids and times of every event, and how many pass the cuts
  let places = new Map(); // number of an event in the catalog -> its place in the columns
  let brush = null; // {panel, x, y}
  let held = ""; // number of the event that stays marked
  let listed = []; // events in the order of the table
  let asked = 0;
  const due = new Set(); // panels that are to be shown anew; the others keep their zoom

  const count = () => element("panel-count").value;
  const shown = () => panels.slice(0, Number(count()));

  // ---- address ------------------------------------------------------------------------------------------------------

  function remember() {
    const several = count() === "1" ? [] : [["panels", count()]];
    const told = brush ? [["b", [brush.panel + 1, ...brush.x, ...brush.y].map((each) => Number(each.toPrecision(12))).join("~")]] : [];
    dash.address.write([...shown().flatMap((panel) => panel.address()), ...several, ...cuts.map((cut) => ["cut", dash.cutText(cut)]), ...told, ["e", held]]);
  }

  function readAddress() {
    const given = dash.address.read();
    element("panel-count").value = COUNTS.includes(given.get("panels")) ? given.get("panels") : "1";
    for (const panel of panels) panel.read(given);
    const texts = given.size ? given.getAll("cut") : defaults.cuts;
    cuts = dash.makeCuts(element("cuts"), texts.map(dash.cutOf), changed);
    brush = brushOf(given.get("b"));
    held = /^\d+$/.test(given.get("e") || "") ? given.get("e") : "";
    arrange();
  }

  /** A brush from its text "panel~x0~x1~y0~y1"; null when it is none. */
  function brushOf(text) {
    const [panel, ...edges] = (text || "").split("~").map(Number);
    if (edges.length !== 4 || !edges.every(Number.isFinite) || !(panel >= 1 && panel <= Number(count()))) return null;
    return { panel: panel - 1, x: edges.slice(0, 2), y: edges.slice(2) };
  }

  /** Show as many panels as are chosen. */
  function arrange() {
    element("panels").dataset.count = count();
    element("panels").querySelectorAll(".scatter").forEach((box, i) => { box.hidden = i >= Number(count()); });
    for (const panel of shown()) panel.fit();
  }

  // ---- what is shown ------------------------------------------------------------------------------------------------

  function changed() {
    attempt(show(shown()));
  }

  async function show(which) {
    const request = ++asked;
    for (const panel of which) due.add(panel);
    remember();
    element("notice").textContent = "";
    const [marks, id, t] = await Promise.all([dash.passing(cuts), columns.column(defaults.id), columns.column(defaults.t)]);
    if (request !== asked) return;
    if (places.size !== id.values.length) places = new Map(Array.from(id.values, (number, i) => [String(number), i]));
    all = { marks, ids: id.values, times: t.values, passed: marks.reduce((sum, mark) => sum + mark, 0) };
    // A panel that cannot be shown, as for a formula that is none, leaves the others alone.
    const wanted = shown().filter((panel) => due.has(panel));
    due.clear();
    const results = await Promise.allSettled(wanted.map((panel) => panel.show(all)));
    if (request !== asked) return;
    const failed = results.find((result) => result.status === "rejected");
    showBrush();
    markHeld();
    document.documentElement.dataset.shown = String(panels[0].chosen().length);
    if (failed) throw failed.reason;
  }

  function showBrush() {
    const marks = brush && panels[brush.panel].within(brush);
    shown().forEach((panel, i) => panel.brush(marks, brush && brush.panel === i ? brush : null));
    const events = marks ? marks.reduce((sum, mark) => sum + mark, 0) : 0;
    element("brushed").hidden = !brush;
    element("brushed-count").textContent = brush ? `${events} events brushed${count() === "1" ? "" : ` in panel ${brush.panel + 1}`}; the others are pale. ` : "";
    listEvents(marks);
  }

  function listEvents(marks) {
    const several = shown();
    const drawn = new Uint8Array(all.marks.length);
    for (const panel of several) for (const i of panel.chosen()) drawn[i] = 1;
    const events = [];
    for (let i = 0; i < drawn.length; i++) if (drawn[i] && (!marks || marks[i])) events.push(i);
    const seen = new Set();
    const choices = several.flatMap((panel) => panel.choices()).filter((choice) => !seen.has(choice.label) && seen.add(choice.label));
    const text = panels[0].textOf;
    listed = events.slice().sort((a, b) => all.times[b] - all.times[a]);
    const heads = [["Time", "UTC"], ...choices.map((choice) => [choice.label, ""])];
    dash.showTable(element("listed"), all.ids, heads, listed, (i) => [dash.timeText(all.times[i]), ...choices.map((choice) => text(choice, i))]);
    const names = ["event_id", "t_utc", ...choices.map((choice) => choice.label)];
    dash.saveAs(element("csv"), "events.csv", names, () => events.map((i) => [all.ids[i], dash.timeText(all.times[i], 6), ...choices.map((choice) => text(choice, i))]));
  }

  // ---- one event in every panel -------------------------------------------------------------------------------------

  function over(i) {
    for (const panel of shown()) panel.mark(i, "over");
  }

  function markHeld() {
    const at = held && places.has(held) ? places.get(held) : -1;
    for (const panel of shown()) panel.mark(at, "held");
    element("held").hidden = !held;
    element("held-event").textContent = held;
    element("held-event").href = dash.eventHref(held);
    const without = shown().filter((panel) => at < 0 || !panel.place(at)).length;
    element("held-told").textContent = !held || !without ? "" : at < 0 ? "is not among these events." : count() === "1" ? "is not in sight here." : `is not in sight in ${without} of ${count()} panels.`;
  }

  function hold(number) {
    held = number;
    remember();
    markHeld();
  }

  /** A tap opens the event, which is marked when one comes back; with Shift it is only marked. */
  function tap(i, stay) {
    const number = String(all.ids[i]);
    hold(stay && held === number ? "" : number);
    if (!stay) location.href = dash.eventHref(number);
  }

  function attempt(promise) {
    promise.catch((error) => { element("notice").textContent = error.message.endsWith("loaded") ? `${error.message}. Build the site again: pinakes site build` : `${error.message}.`; });
  }

  function listen() {
    element("panel-count").addEventListener("change", () => {
      if (brush && brush.panel >= Number(count())) brush = null;
      arrange();
      changed();
    });
    element("unbrush").addEventListener("click", () => { brush = null; remember(); showBrush(); });
    element("let-go").addEventListener("click", () => hold(""));
    element("listed").addEventListener("mouseover", (event) => {
      const row = event.target.closest("tbody tr");
      over(row ? listed[row.sectionRowIndex] : -1);
    });
    element("listed").addEventListener("mouseleave", () => over(-1));
    window.addEventListener("hashchange", () => { readAddress(); changed(); });
    for (const query of ["(prefers-color-scheme: dark)", "print"]) matchMedia(query).addEventListener("change", changed);
  }

  async function start() {
    if (!columns.count()) {
      element("dashboard").hidden = true;
      element("nothing").hidden = false;
      return;
    }
    const plots = JSON.parse(element("plots-explorer").textContent);
    panels = ["", "2", "3", "4"].map((suffix, number) => window.pinakesExplorerPanel.create(suffix, plots, defaults, {
      changed(axes) {
        if (axes && brush && brush.panel === number) brush = null; // it is of the axes that were
        attempt(show([panels[number]]));
      },
      over,
      tap,
      away: () => over(-1),
      brushed(rectangle) { brush = { panel: number, ...rectangle }; remember(); showBrush(); },
    }));
    element("names").append(...columns.quantities().map((quantity) => new Option(dash.axisLabel(quantity), quantity.name)));
    readAddress();
    listen();
    await show(shown());
  }

  attempt(start());
})();
