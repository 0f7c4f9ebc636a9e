// The event viewer: one set of figures, filled again for every event.
//
// An instrument may show more (see monitors/site/views.py). A script of its own enters into window.pinakesEventPages,
// under the name of the instrument, an object with functions, all of them optional but `start`:
//   arrange()          once, before the figures are drawn: move elements to their places
//   start(viewer)      once, when the figures are there; `viewer` is the object `shared` below
//   show(event)        a new event: event.channels are decoded, event.more is what the instrument gave
//   draw()             the time range moved: draw the curves of that range again
//   rest(event)        the figures are on the screen: fill what lies below them
//   point(time)        the pointer is over a panel at that time, us; null when it has left
//   under(index)       the figures below panel number `index`: [{figure, height}]
//   keys               {key: function}
"use strict";

(function () {
  const { age } = window.pinakesPage;
  const { decode, extremes, runsAbove } = window.pinakesWaveform;
  const events = window.pinakesEvents;
  const fields = JSON.parse(document.getElementById("viewer-fields").textContent);
  const element = (id) => document.getElementById(id);
  const ICONS = { ok: "✓", info: "●", warning: "▲", error: "✕", unknown: "○" };
  const pages = window.pinakesEventPages || {};
  const SATURATED = 0.95; // of full scale
  const AXIS_HEIGHT = 40; // pixels the time axis below the last panel takes
  const LONG_TABLE = 60; // rows; a longer table is folded at first
  const LEAST_SPAN = 12; // DN: noise of a few counts is not blown up to the whole panel

  let documentModel = null; // the Bokeh document
  let xRange = null;
  let panels = []; // {box, figure, curve, saturation, level, channel}
  let place = null; // {day, index} of the event shown
  let shown = null; // its data
  let asked = 0; // number of the newest request: a slow one that comes late is dropped
  let wholeRange = false; // all samples, or the high-rate window
  let redraw = 0;
  let filling = false;

  // ---- words and tables -------------------------------------------------------------------------------------------

  function make(tag, text, className) {
    const node = document.createElement(tag);
    if (text !== undefined) node.textContent = text;
    if (className) node.className = className;
    return node;
  }

  function stateNode([kind, word, why]) {
    const node = make("span", undefined, `state ${kind}`);
    const icon = make("span", ICONS[kind], "icon");
    icon.setAttribute("aria-hidden", "true");
    node.append(icon, ` ${word}`);
    if (why) node.title = why;
    return node;
  }

  function link(text, href) {
    const node = make("a", text);
    node.href = href;
    return node;
  }

  function fact(label, ...content) {
    const box = make("div");
    const value = make("dd");
    content.forEach((item, i) => value.append(...(i ? [", ", item] : [item])));
    box.append(make("dt", label), value);
    return box;
  }

  function showFacts(event) {
    const list = [
      fact("Identity", event.identity),
      fact("Number on board", String(event.seq)),
      ...event.facts.map(([label, value]) => fact(label, value)),
      fact("State", ...event.flags.map(stateNode)),
      fact("Raw file", ...event.raw.map((file) => link(file.name, file.href))),
      fact("Products", ...(event.products.length ? event.products.map(productNode) : ["none"])),
    ];
    const tags = events.tags(event.id);
    if (tags.length) list.push(fact("Tags", ...tags.map(tagNode)));
    list[0].className = "half";
    element("facts").replaceChildren(...list);
  }

  function tagNode([name, meaning, said]) {
    const node = link(name, "../tags.html");
    node.title = `${meaning}\n${said}`;
    return node;
  }

  function productNode(product) {
    const node = make("span");
    node.title = product.file;
    node.append(link(product.name, product.href), make("span", ` record ${product.record}`, "muted"));
    return node;
  }

  function valueText(value) {
    if (value === null) return "–";
    if (typeof value === "number" && !Number.isInteger(value)) return String(Number(value.toPrecision(6)));
    return String(value);
  }

  let tables = { key: "", cells: [] }; // value cells of the tables on the page, in the order of the values

  /** Typed rows of the event. The tables stay from event to event, with their folds; only the values change. */
  function showTables(event) {
    const key = JSON.stringify([event.instrument, Object.entries(event.tables).map(([name, row]) => [name, Object.keys(row)])]);
    if (key !== tables.key) {
      tables = { key, cells: [] };
      const sections = Object.entries(event.tables).map(([name, row]) => makeTable(fields[event.instrument][name], row));
      // Short tables side by side, long ones folded below them.
      element("tables").replaceChildren(...sections.sort((a, b) => a.dataset.rows - b.dataset.rows));
      filterValues();
    }
    const values = Object.values(event.tables).flatMap((row) => Object.values(row));
    tables.cells.forEach((cell, i) => {
      const text = valueText(values[i]);
      if (cell.textContent !== text) cell.textContent = text;
    });
  }

  function makeTable(about, row) {
    const long = Object.keys(row).length > LONG_TABLE;
    const fold = make("details", undefined, long ? "long" : "");
    fold.open = !long;
    fold.dataset.rows = Object.keys(row).length;
    const table = make("table", undefined, "data");
    const head = table.createTHead().insertRow();
    for (const [label, kind] of [["Name", "text"], ["Value", "number"], ["Unit", "text"], ["Description", "prose"]]) {
      head.append(make("th", label, kind));
    }
    const body = table.createTBody();
    for (const column of Object.keys(row)) {
      const [unit, description] = about.fields[column] || ["", ""];
      const value = make("td", "", "number");
      tables.cells.push(value);
      body.insertRow().append(make("td", column, "mono"), value, make("td", unit), make("td", description, "prose"));
    }
    const box = make("div", undefined, "scroll");
    box.append(table);
    fold.append(make("summary", `${about.title}, ${fold.dataset.rows} values`), box);
    return fold;
  }

  /** Show the rows whose name or description holds every word; folds that hold some open. */
  function filterValues() {
    const words = element("filter-values").value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const fold of element("tables").children) {
      let found = false;
      for (const row of fold.querySelector("tbody").rows) {
        const text = `${row.cells[0].textContent} ${row.cells[3].textContent}`.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
        found = found || !row.hidden;
      }
      fold.hidden = !found;
      fold.open = words.length ? found : !fold.classList.contains("long");
    }
  }

  // ---- figures ----------------------------------------------------------------------------------------------------

  const timeOf = (channel, index) => channel.t0 + index * channel.dt;

  /** Samples, statistics and runs of saturation of a channel; worked out once per event. */
  function prepare(channel) {
    if (channel.samples || channel.text === null) return;
    channel.samples = decode(channel.digits, channel.text);
    channel.text = undefined;
    let low = channel.samples[0];
    let high = low;
    for (const value of channel.samples) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
    channel.low = low;
    channel.high = high;
    channel.saturation = runsAbove(channel.samples, SATURATED * channel.fullScale, 8);
  }

  function drawCurve(panel) {
    const channel = panel.channel;
    if (!channel || !channel.samples) return;
    const last = channel.samples.length - 1;
    const from = Math.max(0, Math.min(last, Math.floor((xRange.start - channel.t0) / channel.dt) - 1));
    const to = Math.max(0, Math.min(last, Math.ceil((xRange.end - channel.t0) / channel.dt) + 1));
    const width = Math.max(200, Math.round(panel.figure.inner_width || 900));
    const indexes = extremes(channel.samples, from, to, width);
    const x = new Float64Array(indexes.length);
    const y = new Float64Array(indexes.length);
    indexes.forEach((index, i) => {
      x[i] = timeOf(channel, index);
      y[i] = channel.samples[index];
    });
    panel.curve.data = { x, y };
  }

  /** What the instrument of an event adds to the page. */
  const pageOf = (event) => (event && pages[event.instrument]) || {};

  const call = (event, name, ...given) => (pageOf(event)[name] ? pageOf(event)[name](...given) : undefined);

  function drawAll() {
    panels.forEach(drawCurve);
    call(shown, "draw");
  }

  /** Texts of a panel. All of them come before any figure is touched: a figure asks for styles, and after every change of
   * a text the browser works them out anew. */
  function tellPanel(panel, channel) {
    panel.channel = channel;
    panel.box.hidden = !channel;
    if (!channel) return;
    prepare(channel);
    const part = (name) => panel.box.querySelector(name);
    const there = Boolean(channel.samples);
    part(".name").textContent = channel.name;
    part("h3").title = channel.title;
    part(".scale").textContent = there && channel.scale ? `1 ${channel.unit} = ${channel.scale}` : "";
    part(".trigger").textContent = channel.level === null ? "" : `trigger level ${channel.level} ${channel.unit}`;
    part(".absent").hidden = there;
    part(".bokeh").hidden = !there;
    part(".saturation").textContent = "";
    part("output").textContent = "";
    if (!there) {
      part(".absent").textContent = channel.missing;
      return;
    }
    const saturated = channel.saturation.reduce((sum, [first, last]) => sum + last - first + 1, 0);
    if (saturated) part(".saturation").textContent = `▲ saturated (${saturated})`;
    part(".saturation").title = `${saturated} samples at or above ${SATURATED} of full scale`;
    reading(panel, null);
  }

  /** Marks and range of a panel. */
  function markPanel(panel) {
    const { channel } = panel;
    if (!channel || !channel.samples) return;
    if (channel.saturation.length || panel.saturation.data.x0.length) {
      panel.saturation.data = {
        x0: channel.saturation.map(([first]) => timeOf(channel, first - 0.5)),
        x1: channel.saturation.map(([, last]) => timeOf(channel, last + 0.5)),
      };
    }
    panel.level.setv({ location: channel.level === null ? 0 : channel.level, visible: channel.level !== null });
    let low = channel.low;
    let high = channel.high;
    if (channel.level !== null) {
      low = Math.min(low, channel.level);
      high = Math.max(high, channel.level);
    }
    const spare = Math.max(0, LEAST_SPAN - (high - low)) / 2 + 0.07 * Math.max(high - low, LEAST_SPAN);
    panel.figure.y_range.setv({ start: low - spare, end: high + spare });
  }

  function windowOf(event, whole) {
    const there = event.channels.filter((channel) => channel.samples);
    if (!there.length) return [-10, 30];
    const fastest = Math.min(...there.map((channel) => channel.dt));
    const counted = whole ? there : there.filter((channel) => channel.dt === fastest);
    const start = Math.min(...counted.map((channel) => channel.t0));
    const end = Math.max(...counted.map((channel) => timeOf(channel, channel.samples.length - 1)));
    const margin = 0.01 * (end - start);
    return [start - margin, end + margin];
  }

  function resetZoom() {
    const [start, end] = windowOf(shown, wholeRange);
    xRange.setv({ start, end, reset_start: start, reset_end: end });
    element("zoom").textContent = wholeRange ? "High-rate window" : "All samples";
  }

  function toggleWindow() {
    wholeRange = !wholeRange;
    if (shown) resetZoom();
  }

  function scale(factor, shift) {
    const middle = (xRange.start + xRange.end) / 2;
    const width = xRange.end - xRange.start;
    const start = middle - (width * factor) / 2 + shift * width;
    xRange.setv({ start, end: start + width * factor });
  }

  /** Below the name: the extremes, or the value under the pointer. */
  function reading(panel, time) {
    const channel = panel.channel;
    if (!channel || !channel.samples) return;
    const output = panel.box.querySelector("output");
    const index = time === null ? -1 : Math.round((time - channel.t0) / channel.dt);
    const under = index >= 0 && index < channel.samples.length;
    output.textContent = under
      ? `${channel.samples[index]} ${channel.unit} at ${timeOf(channel, index).toFixed(3)} µs`
      : `${channel.low} to ${channel.high} ${channel.unit}`;
  }

  /** Only the lowest figure has the time axis. */
  function showTimeAxis() {
    const visible = panels.flatMap((panel, i) => {
      if (!panel.channel || !panel.channel.samples) return [];
      return [panel, ...(call(shown, "under", i) || [])];
    });
    visible.forEach(({ figure, height: own }, i) => {
      const last = i === visible.length - 1;
      const height = last ? own + AXIS_HEIGHT : own;
      if (figure.below[0].visible !== last) figure.below[0].visible = last;
      if (figure.height !== height) figure.height = height;
    });
  }

  function showWaveforms(event) {
    const wasZoomed = shown && (xRange.start !== xRange.reset_start || xRange.end !== xRange.reset_end);
    panels.forEach((panel, i) => tellPanel(panel, event.channels[i]));
    shown = event;
    for (const box of document.querySelectorAll(".of-instrument")) box.hidden = box.dataset.instrument !== event.instrument;
    call(event, "show", event);
    panels.forEach(markPanel);
    showTimeAxis();
    filling = true; // the curves are drawn once, below, and not again because the time range moved
    if (!wasZoomed) resetZoom();
    filling = false;
    drawAll();
  }

  // ---- moving from event to event ---------------------------------------------------------------------------------

  function notice(text) {
    element("notice").textContent = text;
  }

  async function show(target) {
    const request = ++asked;
    if (!target) return;
    const started = performance.now();
    const rows = await events.day(target.day);
    const event = await events.event(rows[target.index][0]);
    if (request !== asked) return; // the reader has moved on
    place = target;
    element("event").hidden = false;
    element("title").textContent = `Event ${event.id}`;
    document.title = `Event ${event.id} – ${document.title.split(" – ").pop()}`;
    element("subtitle").textContent = `${event.instrumentTitle} · ${event.kind} · ${event.t.slice(0, 26).replace("T", " ").replace("Z", "")} UTC · ${age(Date.parse(event.t))}`;
    element("where").textContent = `${events.rank(place) + 1} of ${events.count()}`;
    showFacts(event);
    showWaveforms(event);
    notice("");
    // Two frames later the figures are on the screen: how long a reader waited, for those who measure. What lies below
    // them, and the neighbours, come only then.
    requestAnimationFrame(() => requestAnimationFrame(() => {
      document.documentElement.dataset.took = (performance.now() - started).toFixed(1);
      document.documentElement.dataset.drawn = String(event.id);
      if (request === asked) attempt(showRest(event));
    }));
  }

  async function showRest(event) {
    call(event, "rest", event);
    showTables(event);
    history.replaceState(null, "", `#${event.id}`);
    await markEnds();
    if (event === shown) document.documentElement.dataset.shown = String(event.id);
  }

  async function markEnds() {
    const [before, after] = await Promise.all([events.beside(place, -1), events.beside(place, 1)]);
    for (const [id, there] of [["first", before], ["previous", before], ["next", after], ["last", after]]) {
      element(`go-${id}`).disabled = !there;
    }
    for (const other of [after, before]) {
      // Neighbours are loaded ahead; a failure shows when the reader goes there.
      if (other) events.day(other.day).then((rows) => events.event(rows[other.index][0])).catch(() => undefined);
    }
  }

  function attempt(promise) {
    promise.catch((error) => notice(`${error.message}. Build the site again: pinakes site build`));
  }

  const step = (by) => { if (place) attempt(events.beside(place, by).then(show)); };

  /** Number, identity or UTC time, as a person types it. */
  async function find(text) {
    const query = text.trim();
    if (/^#?\d+$/.test(query)) {
      const found = await events.byId(Number(query.replace("#", "")));
      if (found) return found;
    }
    const time = query.match(/^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}(?::\d{2}(?::\d{2}(?:\.\d+)?)?)?))?Z?$/);
    if (time && events.count()) return events.byTime(time[2] ? `${time[1]}T${time[2]}` : time[1]);
    return events.byIdentity(query, (done, all) => notice(`Searching day ${done} of ${all} …`));
  }

  async function jump(text) {
    const found = await find(text);
    if (found) await show(found);
    else notice(`No event is called “${text}”. Give a catalog number, an identity or a part of it, or a UTC time such as 2023-12-18 17:33.`);
  }

  function onKey(event) {
    if (event.target.matches("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const actions = {
      ArrowLeft: () => (event.shiftKey ? scale(1, -0.25) : step(-1)),
      ArrowRight: () => (event.shiftKey ? scale(1, 0.25) : step(1)),
      Home: () => attempt(show(events.first())),
      End: () => attempt(show(events.last())),
      g: () => element("jump").focus(),
      "/": () => element("jump").focus(),
      z: toggleWindow,
      "+": () => scale(0.5, 0),
      "-": () => scale(2, 0),
      0: resetZoom,
    };
    const action = actions[event.key] || (pageOf(shown).keys || {})[event.key];
    if (!action) return;
    event.preventDefault();
    if (shown) action();
  }

  function listen() {
    element("go-first").addEventListener("click", () => attempt(show(events.first())));
    element("go-previous").addEventListener("click", () => step(-1));
    element("go-next").addEventListener("click", () => step(1));
    element("go-last").addEventListener("click", () => attempt(show(events.last())));
    element("zoom").addEventListener("click", toggleWindow);
    element("jump").addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !event.target.value.trim()) return;
      attempt(jump(event.target.value));
      event.target.blur();
    });
    element("filter-values").addEventListener("input", filterValues);
    document.addEventListener("keydown", onKey);
    window.addEventListener("hashchange", () => attempt(fromAddress()));
    const later = () => {
      if (filling) return;
      cancelAnimationFrame(redraw);
      redraw = requestAnimationFrame(drawAll);
    };
    xRange.properties.start.change.connect(later);
    xRange.properties.end.change.connect(later);
    window.addEventListener("resize", later);
    panels.forEach((panel) => watch(panel.figure));
  }

  /** Follow the pointer over a figure on the time axis. */
  function watch(figure) {
    const point = (time) => {
      panels.forEach((panel) => reading(panel, time));
      call(shown, "point", time);
    };
    figure.on_event("mousemove", (event) => point(event.x));
    figure.on_event("mouseleave", () => point(null));
    figure.on_event("doubletap", resetZoom);
  }

  async function fromAddress() {
    const asked = decodeURIComponent(location.hash.slice(1));
    if (shown && asked === String(shown.id)) return;
    if (asked) await jump(asked.replace(/^q=/, ""));
    if (!shown) await show(events.last());
  }

  async function start() {
    if (!events.count()) {
      element("subtitle").textContent = "There is no event yet.";
      notice("Ingest raw files with pinakes ingest PATH, then build the site again with pinakes site build.");
      return;
    }
    for (const page of Object.values(pages)) if (page.arrange) page.arrange();
    documentModel = await window.pinakesFigures.draw(JSON.parse(element("viewer-plot").textContent));
    const models = new Map(); // by name: a search through the document takes time
    const named = (name) => {
      if (!models.has(name)) models.set(name, documentModel.get_model_by_name(name));
      return models.get(name);
    };
    xRange = named("time");
    panels = Array.from(document.querySelectorAll("#panels .panel"), (box, i) => {
      const figure = named(`panel-${i}`);
      return {
        box, figure, height: figure.height, curve: named(`curve-${i}`), saturation: named(`saturation-${i}`), level: named(`level-${i}`),
      };
    });
    listen();
    const known = JSON.parse(element("viewer-known").textContent);
    const shared = { xRange, panels, named, watch, make, fact, stateNode, showTimeAxis, timeOf, redraw: drawAll };
    for (const [name, page] of Object.entries(pages)) page.start({ ...shared, known: known[name] });
    await fromAddress();
  }

  attempt(start());
})();
