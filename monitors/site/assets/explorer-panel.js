// One scatter of the explorer: what it shows, where an event lies in it, and which event the pointer means.
"use strict";

(function () {
  const dash = window.pinakesDashboard;
  const columns = window.pinakesColumns;
  const SELECTS = ["x", "xd", "y", "yd", "c"];
  const FORMULAS = ["xf", "yf"];
  const CELL = 12; // pixels of a cell in which events are counted
  const HEIGHTS = { 1: 460, 2: 420, 4: 320 }; // of a figure by the number of panels, pixels

  /**
   * A panel. `suffix` ends the ids of its elements and its names in the address; `plots` are figures by kind of axes, each
   * of which is drawn when it is first shown; `hooks` are what the page does: changed(axes) with whether it has other axes,
   * over(i), away(), tap(i, held), brushed(rectangle).
   */
  function create(suffix, plots, defaults, hooks) {
    const element = (id) => document.getElementById(`${id}${suffix}`);
    const drawn = new Map(); // kind -> {figure, points, element}
    const card = dash.makeCard(element("figures"));
    const rings = { over: sign("ring"), held: sign("ring held") };
    const outline = sign("brush");
    let now = null; // {figure, points, kind} that is shown
    let found = null; // x, y, colour as chosen, of every event
    let points = { x: null, y: null, chosen: [] }; // in the coordinates of the screen: logarithms on log axes
    let hues = [];
    let brushed = null; // marks of the events that are brushed in some panel
    let rectangle = null; // the brush of this panel
    let ids = [];
    let times = [];
    let asked = 0;
    let redraw = 0;
    const marked = { over: -1, held: -1 };

    const log = (axis) => element(`log-${axis}`).checked;
    const value = (name) => element(name).value.trim();

    /** What lies over the figure, so that moving it paints nothing anew. */
    function sign(kind) {
      const node = dash.make("div", undefined, kind);
      node.hidden = true;
      element("figures").append(node);
      return node;
    }

    // ---- choices and address ------------------------------------------------------------------------------------------

    /** What the panel adds to the address. */
    function address() {
      const values = [...SELECTS, ...FORMULAS].map((name) => [name, value(name)]);
      return [...values, ["lx", log("x")], ["ly", log("y")], ["h", element("cells").checked]].map(([name, given]) => [`${name}${suffix}`, given]);
    }

    function read(given) {
      const names = [...SELECTS, ...FORMULAS, "lx", "ly", "h"];
      const spoken = names.some((name) => given.has(`${name}${suffix}`));
      const first = (name) => defaults[`${name}${suffix}`] || (["x", "y"].includes(name) ? defaults[name] : "");
      const chosen = (name) => (spoken ? given.get(`${name}${suffix}`) || "" : first(name));
      const numeric = (quantity) => !quantity.words;
      for (const name of ["x", "y"]) dash.fillSelect(element(name), chosen(name) || first(name));
      for (const name of ["xd", "yd"]) dash.fillSelect(element(name), chosen(name), { none: "nothing", test: numeric });
      dash.fillSelect(element("c"), chosen("c"), { none: "one colour" });
      for (const name of FORMULAS) element(name).value = chosen(name);
      for (const axis of ["x", "y"]) element(`log-${axis}`).checked = chosen(`l${axis}`) === "1";
      element("cells").checked = chosen("h") === "1";
      unfold(["xd", "yd", ...FORMULAS].some((name) => value(name)));
    }

    /** In a narrow panel divisors and formulas are folded away while there are none. */
    function unfold(open) {
      element("panel").classList.toggle("open", open);
      element("more").setAttribute("aria-expanded", String(open));
    }

    function swap() {
      for (const [a, b] of [["x", "y"], ["xd", "yd"], ["xf", "yf"]]) [element(a).value, element(b).value] = [element(b).value, element(a).value];
      [element("log-x").checked, element("log-y").checked] = [log("y"), log("x")];
      hooks.changed(true);
    }

    // ---- what is shown ------------------------------------------------------------------------------------------------

    /** What an axis shows: the formula when there is one, else the quantity, divided by another when one is chosen. */
    const axis = (name) => (value(`${name}f`) ? dash.formula(value(`${name}f`)) : dash.choice(value(name), value(`${name}d`)));

    /** Show the events that pass: `all` has marks, ids and times of every event. Resolves to whether it was still asked for. */
    async function show(all) {
      const request = ++asked;
      const [x, y, colour] = await Promise.all([axis("x"), axis("y"), value("c") ? dash.choice(value("c")) : null]);
      if (request !== asked) return false;
      found = { x, y, colour };
      [ids, times] = [all.ids, all.times];
      const chosen = [];
      const [logX, logY] = [log("x"), log("y")];
      for (let i = 0; i < all.marks.length; i++) {
        const a = x.values[i];
        const b = y.values[i];
        if (all.marks[i] && Number.isFinite(a) && Number.isFinite(b) && !(logX && a <= 0) && !(logY && b <= 0)) chosen.push(i);
      }
      points = { chosen, x: logX ? x.values.map(Math.log10) : x.values, y: logY ? y.values.map(Math.log10) : y.values };
      const mine = dash.colours(colour, chosen, element("legend")); // replaced by that of cells where they are shown
      hues = [];
      chosen.forEach((i, k) => { hues[i] = mine[k]; });
      tell(all);
      card.hide();
      await turnTo(`${logX ? "log" : "linear"}-${logY ? "log" : "linear"}`);
      if (request !== asked) return false;
      nameAxis(now.figure.below[0], x);
      nameAxis(now.figure.left[0], y);
      dash.setRange(now.figure.x_range, dash.extent(x.values, chosen, logX));
      dash.setRange(now.figure.y_range, dash.extent(y.values, chosen, logY));
      drawEvents();
      return true;
    }

    /** Show the figure for the chosen kinds of axes; it is made once. */
    async function turnTo(kind) {
      const box = element(`figure-${kind}-`);
      for (const other of element("figures").querySelectorAll(".bokeh")) other.hidden = other !== box;
      if (!drawn.has(kind)) drawn.set(kind, make(kind, box));
      now = await drawn.get(kind);
      fit();
    }

    function fit() {
      const wanted = HEIGHTS[element("panel").parentElement.dataset.count];
      if (now && now.figure.height !== wanted) now.figure.height = wanted;
    }

    async function make(kind, box) {
      // Every model has its name once in the page: panels are drawn from the same text.
      const plot = JSON.parse(JSON.stringify(plots[kind]).replace(/"m(\d+)"/g, `"m$1-${suffix || 1}-${kind}"`));
      for (const model of Object.keys(plot.roots)) plot.roots[model] = box.id;
      const named = await dash.figures(plot, null);
      const made = { kind, box, figure: named(kind), points: named(`points-${kind}`), cells: named(`cells-${kind}`) };
      dash.onPointer(made.figure, pick);
      dash.onRange(made.figure, () => later(made));
      new ResizeObserver(() => later(made)).observe(box);
      made.figure.on_event("selectiongeometry", (event) => {
        if (event.final) hooks.brushed({ x: [event.geometry.x0, event.geometry.x1], y: [event.geometry.y0, event.geometry.y1] });
      });
      return made;
    }

    function later(made) {
      cancelAnimationFrame(redraw);
      redraw = requestAnimationFrame(() => { if (now === made && found) drawEvents(); });
    }

    const limits = () => {
      const range = dash.rangeOf(now.figure);
      return { x: log("x") ? range.x.map(Math.log10) : range.x, y: log("y") ? range.y.map(Math.log10) : range.y };
    };

    function drawEvents() {
      if (element("cells").checked) drawCells();
      else drawPoints();
      for (const kind of ["over", "held"]) mark(marked[kind], kind);
      drawOutline();
    }

    /** Events counted in cells of the screen; those of the brush where there is one, and the cells of others pale. */
    function drawCells() {
      const { x, y } = limits();
      const size = dash.sizeOf(now.figure);
      const [wide, high] = [size.width, size.height].map((pixels) => Math.max(1, Math.round(pixels / CELL)));
      const counts = new Uint32Array(wide * high);
      const others = new Uint8Array(wide * high);
      for (const i of points.chosen) {
        const column = Math.floor(((points.x[i] - x[0]) / (x[1] - x[0])) * wide);
        const row = Math.floor(((points.y[i] - y[0]) / (y[1] - y[0])) * high);
        if (!(column >= 0 && column < wide && row >= 0 && row < high)) continue;
        if (brushed && !brushed[i]) others[row * wide + column] = 1;
        else counts[row * wide + column]++;
      }
      const most = counts.reduce((best, count) => Math.max(best, count), 0);
      const filled = Array.from(counts.keys()).filter((cell) => counts[cell] || others[cell]);
      const edge = ([low, top], isLog, share) => { const value = low + share * (top - low); return isLog ? 10 ** value : value; };
      const pale = window.pinakesFigures.colour("line");
      now.cells.data = {
        left: filled.map((cell) => edge(x, log("x"), (cell % wide) / wide)),
        right: filled.map((cell) => edge(x, log("x"), ((cell % wide) + 1) / wide)),
        bottom: filled.map((cell) => edge(y, log("y"), Math.floor(cell / wide) / high)),
        top: filled.map((cell) => edge(y, log("y"), (Math.floor(cell / wide) + 1) / high)),
        colour: filled.map((cell) => (counts[cell] ? dash.viridis(most > 1 ? Math.log(counts[cell]) / Math.log(most) : 1) : pale)),
        count: filled.map((cell) => counts[cell]),
      };
      clear(now.points);
      element("drawn").textContent = "";
      dash.ramp(element("legend"), "Events per cell", "1", String(most), most ? "(logarithmic)" : "");
    }

    /** Take everything out of a source. */
    function clear(source) {
      const names = Object.keys(source.data);
      if (source.data[names[0]].length) source.data = Object.fromEntries(names.map((name) => [name, []]));
    }

    function drawPoints() {
      clear(now.cells);
      const there = brushed ? (i) => brushed[i] : () => true;
      const order = brushed ? [...points.chosen.filter(there), ...points.chosen.filter((i) => !there(i))] : points.chosen;
      const kept = dash.distinct(points.x, points.y, order, limits(), dash.sizeOf(now.figure));
      if (brushed) kept.reverse(); // what is brushed lies above
      const pale = window.pinakesFigures.colour("line");
      now.points.data = {
        x: Float64Array.from(kept, (i) => found.x.values[i]),
        y: Float64Array.from(kept, (i) => found.y.values[i]),
        colour: kept.map((i) => (there(i) ? hues[i] : pale)),
      };
      element("drawn").textContent = kept.length < points.chosen.length ? `${kept.length} drawn: the others lie under them or outside.` : "";
    }

    /** The rectangle of the brush, as far as it is in sight. */
    function drawOutline() {
      outline.hidden = !rectangle;
      if (!rectangle) return;
      const { frame } = Bokeh.index.get(now.figure);
      const at = (name, size) => {
        const [low, high] = limits()[name];
        const part = (edge) => ((log(name) ? Math.log10(Math.max(edge, Number.MIN_VALUE)) : edge) - low) / (high - low);
        return rectangle[name].map((edge) => Math.min(1, Math.max(0, part(edge))) * size);
      };
      const [left, right] = at("x", frame.bbox.width);
      const [down, up] = at("y", frame.bbox.height);
      Object.assign(outline.style, { left: `${frame.bbox.left + left}px`, top: `${frame.bbox.bottom - up}px`, width: `${right - left}px`, height: `${up - down}px` });
    }

    function nameAxis(axis, choice) {
      axis.axis_label = choice.label;
      axis.major_label_overrides = new Map(choice.words ? choice.words.map((word, i) => [i + 1, word.length > 24 ? `${word.slice(0, 23)}…` : word]) : []);
    }

    function tell({ marks, passed }) {
      const shown = points.chosen.length;
      const parts = [`${shown} of ${marks.length} events`];
      if (columns.total() > marks.length) parts.push(`the newest ${marks.length} of ${columns.total()} in the archive`);
      if (passed < marks.length) parts.push(`${marks.length - passed} cut away`);
      if (passed > shown) parts.push(`${passed - shown} have no value${log("x") || log("y") ? ", or none that a logarithmic axis can show" : ""}`);
      element("counts").textContent = `${parts.join("; ")}.`;
    }

    // ---- one event ----------------------------------------------------------------------------------------------------

    /** Draw a ring around an event, -1 for none: `kind` is "over" for the one under the pointer, "held" for the chosen one. */
    function mark(i, kind) {
      marked[kind] = i;
      const node = rings[kind];
      const frame = now && found && i >= 0 ? Bokeh.index.get(now.figure).frame.bbox : null;
      const at = frame && place(i, frame);
      node.hidden = !at;
      if (at) node.style.transform = `translate(${at[0].toFixed(1)}px, ${at[1].toFixed(1)}px)`;
    }

    /** Where an event lies in the figure, pixels; null when it is not in sight, or none of those shown. */
    function place(i, frame) {
      if (hues[i] === undefined) return null;
      const { x, y } = limits();
      const left = (points.x[i] - x[0]) / (x[1] - x[0]);
      const up = (points.y[i] - y[0]) / (y[1] - y[0]);
      if (!(left >= 0 && left <= 1 && up >= 0 && up <= 1)) return null;
      return [frame.left + left * frame.width, frame.bottom - up * frame.height];
    }

    function pick(what, event) {
      const i = what === "away" || !points.chosen.length ? -1 : under(event);
      if (i < 0) { card.hide(); hooks.away(); return; }
      if (what === "tap") { hooks.tap(i, Boolean(event.modifiers && event.modifiers.shift)); return; }
      const words = (choice) => { const text = textOf(choice, i); return typeof text === "number" ? dash.shown(text) : text; };
      const facts = [["Event", String(ids[i])], ["Time (UTC)", dash.timeText(times[i])]];
      for (const choice of choices()) facts.push([choice.label, words(choice)]);
      card.show(ids[i], facts, { sx: event.sx, sy: event.sy });
      hooks.over(i);
    }

    function under(event) {
      const at = { x: log("x") ? Math.log10(event.x) : event.x, y: log("y") ? Math.log10(event.y) : event.y };
      return dash.nearest(points, at, limits(), dash.sizeOf(now.figure));
    }

    const choices = () => (found ? [found.x, found.y, ...(found.colour ? [found.colour] : [])] : []);
    const textOf = (choice, i) => (choice.words ? choice.words[choice.values[i] - 1] || "–" : choice.values[i]);

    /** Mark of every event whether it lies in a rectangle of the figure. */
    function within({ x, y }) {
      const marks = new Uint8Array(columns.count());
      for (const i of points.chosen) {
        const [a, b] = [found.x.values[i], found.y.values[i]];
        if (a >= x[0] && a <= x[1] && b >= y[0] && b <= y[1]) marks[i] = 1;
      }
      return marks;
    }

    for (const name of [...SELECTS, ...FORMULAS, "log-x", "log-y", "cells"]) element(name).addEventListener("change", () => hooks.changed(/^[xy]/.test(name)));
    element("swap").addEventListener("click", swap);
    element("more").addEventListener("click", () => unfold(!element("panel").classList.contains("open")));

    return {
      address, read, show, mark, within, choices, textOf,
      chosen: () => points.chosen,
      /** Make all events pale but those in `marks`; `mine` is the rectangle when it was drawn here. */
      brush(marks, mine) { [brushed, rectangle] = [marks, mine]; if (now && found) drawEvents(); },
      fit,
      place: (i) => (now && found ? place(i, Bokeh.index.get(now.figure).frame.bbox) : null),
    };
  }

  window.pinakesExplorerPanel = { create };
})();
