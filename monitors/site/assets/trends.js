// Any quantity of events through time: points, running median, gaps left open, limits where there are some.
"use strict";

(function () {
  const dash = window.pinakesDashboard;
  const columns = window.pinakesColumns;
  const element = (id) => document.getElementById(id);
  const { attempt } = window.pinakesPage;
  const defaults = JSON.parse(element("trends-defaults").textContent);
  const limits = JSON.parse(element("trends-limits").textContent);
  const KINDS = ["time-linear", "time-log", "linear-linear", "linear-log"];
  const GAP = 20; // times the usual distance of events (their third quartile) make a gap
  const LEAST_GAP = 3600; // s; events this near belong together, whatever is usual
  const LEAP_SECONDS = 37; // TAI - UTC since 2017; earlier times lie in the archive only when a clock was not set
  const J2000 = 946727935.816; // 2000-01-01T12:00:00 TT as UTC, seconds since 1970
  const ZONES = ["UTC", "America/Denver", "America/New_York", "Europe/Berlin", "Asia/Tokyo"];
  const EPOCHS = { met: "Seconds since 2010-01-01 UTC (MET)", tt: "TT seconds since J2000 (epoch)", days: "Days since 2010-01-01 UTC" };
  let cuts = [];
  let figures = {};
  let figure = null;
  let points = { x: null, y: null, chosen: [] };
  let found = {};
  let hues = [];
  let asked = 0;
  let redraw = 0;
  let card = null;

  const log = () => element("log-y").checked;
  const zone = () => element("zone").value;
  const kind = () => `${zone() in EPOCHS ? "linear" : "time"}-${log() ? "log" : "linear"}`;

  // ---- time -------------------------------------------------------------------------------------------------------

  const offsets = new Map(); // "zone hour" -> seconds that the zone is ahead of UTC

  /** Seconds that a zone is ahead of UTC at a time; clocks are put forward at full hours only. */
  function ahead(name, seconds) {
    const hour = Math.floor(seconds / 3600);
    const key = `${name} ${hour}`;
    if (!offsets.has(key)) {
      const at = new Date(hour * 3600000);
      const form = new Intl.DateTimeFormat("en-US", {
        timeZone: name, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric",
      });
      const part = Object.fromEntries(form.formatToParts(at).map((one) => [one.type, Number(one.value)]));
      offsets.set(key, Date.UTC(part.year, part.month - 1, part.day, part.hour, part.minute, part.second) / 1000 - hour * 3600);
    }
    return offsets.get(key);
  }

  /** Where a time, seconds since 1970 UTC, lies on the chosen axis. */
  function place(seconds) {
    if (zone() === "met") return seconds - 1262304000;
    if (zone() === "days") return (seconds - 1262304000) / 86400;
    if (zone() === "tt") return seconds - J2000 + (LEAP_SECONDS - 32);
    return (seconds + (zone() === "UTC" ? 0 : ahead(zone(), seconds))) * 1000;
  }

  // ---- statistics -------------------------------------------------------------------------------------------------

  const middle = (sorted) => (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;

  /** Distance of events that makes a gap, s. */
  function gapOf(times) {
    const steps = Float64Array.from({ length: Math.max(0, times.length - 1) }, (_, i) => times[i + 1] - times[i]).sort();
    return steps.length ? Math.max(LEAST_GAP, GAP * steps[Math.floor(0.75 * (steps.length - 1))]) : LEAST_GAP;
  }

  /** Median of the `width` events around each, within its run of events without a gap; a gap gives a break. */
  function runningMedian(order, width, gap) {
    const x = [];
    const y = [];
    let first = 0;
    for (let k = 1; k <= order.length; k++) {
      if (k < order.length && found.t[order[k]] - found.t[order[k - 1]] <= gap) continue;
      const run = order.slice(first, k);
      for (let at = 0; at < run.length; at++) {
        const half = width >> 1;
        const window = Float64Array.from(run.slice(Math.max(0, at - half), at + half + 1), (i) => found.y.values[i]).sort();
        x.push(points.x[run[at]]);
        y.push(middle(window));
      }
      x.push(NaN);
      y.push(NaN);
      first = k;
    }
    return { x: Float64Array.from(x), y: Float64Array.from(y) };
  }

  function statistics(order) {
    const values = Float64Array.from(order, (i) => found.y.values[i]).sort();
    const n = values.length;
    const mean = values.reduce((sum, value) => sum + value, 0) / n;
    const spread = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1));
    const at = (share) => values[Math.round(share * (n - 1))];
    const list = n ? [["Events", String(n)], ["Least", values[0]], ["16 %", at(0.16)], ["Median", middle(values)], ["84 %", at(0.84)],
      ["Greatest", values[n - 1]], ["Mean", mean], ["Standard deviation", n > 1 ? spread : NaN]] : [];
    element("statistics").replaceChildren(...list.map(([label, value]) => {
      const box = dash.make("div");
      const unit = label === "Events" || !found.y.unit ? "" : ` ${found.y.unit}`;
      box.append(dash.make("dt", label), dash.make("dd", typeof value === "number" ? dash.shown(value) + unit : value));
      return box;
    }));
  }

  // ---- page -------------------------------------------------------------------------------------------------------

  function remember() {
    const names = ["y", "yd", "c", "zone", "width"];
    dash.address.write([...names.map((name) => [name, element(name).value]), ["ly", log()], ...cuts.map((cut) => ["cut", dash.cutText(cut)])]);
  }

  function readAddress() {
    const given = dash.address.read();
    const chosen = (name) => (given.size ? given.get(name) || "" : defaults[name] || "");
    const numeric = (quantity) => !quantity.words;
    dash.fillSelect(element("y"), chosen("y") || defaults.y);
    dash.fillSelect(element("yd"), chosen("yd"), { none: "nothing", test: numeric });
    dash.fillSelect(element("c"), chosen("c"), { none: "one colour" });
    const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const names = ZONES.includes(own) || !own ? ZONES : [...ZONES, own];
    element("zone").replaceChildren(...names.map((name) => new Option(name)), ...Object.entries(EPOCHS).map(([name, label]) => new Option(label, name)));
    element("zone").value = chosen("zone") || "UTC";
    if (element("zone").selectedIndex < 0) element("zone").value = "UTC";
    element("width").value = chosen("width") || "25";
    element("log-y").checked = chosen("ly") === "1";
    cuts = dash.makeCuts(element("cuts"), (given.size ? given.getAll("cut") : defaults.cuts).map(dash.cutOf), show);
  }

  function drawPoints() {
    const range = dash.rangeOf(figure);
    const screen = { x: range.x, y: log() ? range.y.map(Math.log10) : range.y };
    const kept = dash.distinct(points.x, points.y, points.chosen, screen, dash.sizeOf(figure));
    figures[`${kind()} points`].data = {
      x: Float64Array.from(kept, (i) => points.x[i]), y: Float64Array.from(kept, (i) => found.y.values[i]), colour: kept.map((i) => hues[i]),
    };
    element("drawn").textContent = kept.length < points.chosen.length ? `${kept.length} drawn: the others lie under them or outside.` : "";
  }

  async function show() {
    const request = ++asked;
    remember();
    element("notice").textContent = "";
    const value = (name) => element(name).value;
    const [y, colour, marks, id, t] = await Promise.all([
      dash.choice(value("y"), value("yd")), value("c") ? dash.choice(value("c")) : null, dash.passing(cuts), columns.column(defaults.id), columns.column(defaults.t),
    ]);
    if (request !== asked) return;
    found = { y, colour, id: id.values, t: t.values };
    const chosen = [];
    let passed = 0;
    for (let i = 0; i < marks.length; i++) {
      passed += marks[i];
      if (marks[i] && Number.isFinite(y.values[i]) && Number.isFinite(found.t[i]) && !(log() && y.values[i] <= 0)) chosen.push(i);
    }
    chosen.sort((a, b) => found.t[a] - found.t[b]);
    points = { chosen, x: found.t.map(place), y: log() ? y.values.map(Math.log10) : y.values };
    const mine = dash.colours(colour, chosen, element("legend"));
    hues = [];
    chosen.forEach((i, k) => { hues[i] = mine[k]; });
    tell(marks.length, passed);
    for (const name of KINDS) element(`figure-${name}`).hidden = name !== kind();
    figure = figures[kind()];
    figure.below[0].axis_label = EPOCHS[zone()] || `Time (${zone()})`;
    figure.left[0].axis_label = y.label;
    figure.left[0].major_label_overrides = new Map(y.words ? y.words.map((word, i) => [i + 1, word.slice(0, 24)]) : []);
    const [redLow, yellowLow, yellowHigh, redHigh] = (!value("yd") && limits[value("y")]) || [null, null, null, null];
    const drawable = (list) => list.filter((limit) => limit !== null && !(log() && limit <= 0));
    figures[`${kind()} red`].data = { y: drawable([redLow, redHigh]) };
    figures[`${kind()} yellow`].data = { y: drawable([yellowLow, yellowHigh]) };
    const told = [["red, dashed", redLow, redHigh], ["yellow, dotted", yellowLow, yellowHigh]].filter(([, low, high]) => low !== null || high !== null);
    const words = told.map(([name, low, high]) => `${name}: ${low === null ? "" : `below ${dash.shown(low)}`}${low !== null && high !== null ? " and " : ""}${high === null ? "" : `above ${dash.shown(high)}`} ${y.unit}`);
    element("limits").textContent = words.length ? `Limits ${words.join("; ")}.` : "No limits are set for this quantity.";
    dash.setRange(figure.x_range, dash.extent(points.x, chosen, false));
    const [bottom, top] = dash.extent(y.values, chosen, log());
    dash.setRange(figure.y_range, [bottom, top]);
    drawPoints();
    const width = Number(value("width"));
    const gap = gapOf(Float64Array.from(chosen, (i) => found.t[i]));
    figures[`${kind()} median`].data = width && !y.words ? runningMedian(chosen, width, gap) : { x: [], y: [] };
    statistics(y.words ? [] : chosen);
    listEvents();
    document.documentElement.dataset.shown = String(chosen.length);
  }

  function tell(count, passed) {
    const parts = [`${points.chosen.length} of ${count} events`];
    if (columns.total() > count) parts.push(`the newest ${count} of ${columns.total()} in the archive`);
    if (passed < count) parts.push(`${count - passed} cut away`);
    if (passed > points.chosen.length) parts.push(`${passed - points.chosen.length} have no value that can be shown`);
    element("counts").textContent = `${parts.join("; ")}.`;
  }

  const text = (choice, i) => (choice.words ? choice.words[choice.values[i] - 1] || "–" : choice.values[i]);
  const words = (choice, i) => { const value = text(choice, i); return typeof value === "number" ? dash.shown(value) : value; };

  function listEvents() {
    const shown = [found.y, ...(found.colour ? [found.colour] : [])];
    const newest = points.chosen.slice().reverse();
    dash.showTable(element("listed"), found.id, [["Time", "UTC"], ...shown.map((choice) => [choice.label, ""])], newest, (i) => [dash.timeText(found.t[i]), ...shown.map((choice) => text(choice, i))]);
    const rows = () => points.chosen.map((i) => [found.id[i], dash.timeText(found.t[i], 6), ...shown.map((choice) => text(choice, i))]);
    dash.saveAs(element("csv"), "time-series.csv", ["event_id", "t_utc", ...shown.map((choice) => choice.label)], rows);
  }

  function pick(what, event) {
    if (what === "away" || !points.chosen.length) { card.hide(); return; }
    const y = (value) => (log() ? Math.log10(value) : value);
    const range = dash.rangeOf(figure);
    const i = dash.nearest(points, { x: event.x, y: y(event.y) }, { x: range.x, y: range.y.map(y) }, dash.sizeOf(figure));
    if (i < 0) { card.hide(); return; }
    if (what === "tap") { location.href = dash.eventHref(found.id[i]); return; }
    const facts = [["Event", String(found.id[i])], ["Time (UTC)", dash.timeText(found.t[i])], [found.y.label, words(found.y, i)]];
    if (found.colour) facts.push([found.colour.label, words(found.colour, i)]);
    card.show(found.id[i], facts, { sx: event.sx, sy: event.sy });
  }

  async function start() {
    if (!columns.count()) {
      element("dashboard").hidden = true;
      element("nothing").hidden = false;
      return;
    }
    card = dash.makeCard(element("figures"));
    const named = await dash.figures(JSON.parse(element("plot-trends").textContent), null);
    for (const name of KINDS) {
      figures[name] = named(name);
      for (const part of ["points", "median", "red", "yellow"]) figures[`${name} ${part}`] = named(`${part}-${name}`);
      dash.onPointer(figures[name], pick);
      dash.onRange(figures[name], () => { cancelAnimationFrame(redraw); redraw = requestAnimationFrame(() => { if (figure === figures[name]) drawPoints(); }); });
    }
    readAddress();
    for (const name of ["y", "yd", "c", "zone", "width", "log-y"]) element(name).addEventListener("change", () => attempt(show()));
    window.addEventListener("hashchange", () => { readAddress(); attempt(show()); });
    for (const query of ["(prefers-color-scheme: dark)", "print"]) matchMedia(query).addEventListener("change", () => attempt(show()));
    await show();
  }

  attempt(start());
})();
