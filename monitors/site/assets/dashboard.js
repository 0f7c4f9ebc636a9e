// What pages of many events share: choosing quantities and cuts, the event under the pointer, colours, tables, CSV.
"use strict";

(function () {
  const columns = window.pinakesColumns;
  const REACH = 10; // pixels from the pointer to a point that is meant
  const LISTED = 200; // rows of a table of events at most
  // Anchors of the perceptual map "viridis" (S. van der Walt, N. Smith, 2015), even steps.
  const VIRIDIS = ["#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"]
    .map((hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)));
  const KINDS = { science: "channel-4", dust: "channel-1", pulser: "channel-2", noise: "unknown" }; // as in all figures
  const NAMED = ["channel-4", "channel-1", "channel-6", "channel-2", "channel-3", "channel-5"];

  function make(tag, text, className) {
    const node = document.createElement(tag);
    if (text !== undefined) node.textContent = text;
    if (className) node.className = className;
    return node;
  }

  function axisLabel(quantity) {
    const group = quantity.group === "Event" ? "" : `${quantity.group}: `;
    return `${group}${quantity.label}${quantity.unit ? ` (${quantity.unit})` : ""}`;
  }

  /** Fill a select box with quantities by group; `none` adds a first choice of none. */
  function fillSelect(select, wanted, { none = "", test = () => true } = {}) {
    const groups = new Map();
    for (const quantity of columns.quantities()) {
      if (!test(quantity)) continue;
      if (!groups.has(quantity.group)) groups.set(quantity.group, []);
      groups.get(quantity.group).push(quantity);
    }
    const nodes = none ? [new Option(none, "")] : [];
    for (const [group, list] of groups) {
      const box = document.createElement("optgroup");
      box.label = group;
      for (const quantity of list) {
        const option = new Option(axisLabel(quantity), quantity.name); // whole: the closed box shows no group
        option.title = quantity.meaning;
        box.append(option);
      }
      nodes.push(box);
    }
    select.replaceChildren(...nodes);
    select.value = wanted;
    if (select.selectedIndex < 0) select.selectedIndex = 0;
  }

  /** Numbers of a choice: a quantity, or one divided by another; words are numbered from 1. */
  async function choice(name, divisor) {
    const above = await columns.column(name);
    const top = above.values || Float64Array.from(above.codes, (code) => code || NaN);
    if (!divisor) return { values: top, label: axisLabel(above.quantity), unit: above.quantity.unit, words: above.words };
    const below = await columns.column(divisor);
    const under = below.values || Float64Array.from(below.codes, (code) => code || NaN);
    const values = new Float64Array(top.length);
    for (let i = 0; i < values.length; i++) values[i] = under[i] === 0 ? NaN : top[i] / under[i];
    const label = `${axisLabel(above.quantity)} / ${axisLabel(below.quantity)}`;
    return { values, label, unit: above.quantity.unit === below.quantity.unit ? "" : `${above.quantity.unit}/${below.quantity.unit}`, words: null };
  }

  /** Numbers of a formula over quantities; words are numbered from 1. */
  async function formula(text) {
    const { parse, names, evaluate } = window.pinakesExpression;
    const tree = parse(text, (name) => Boolean(columns.quantity(name)));
    const wanted = [...new Set(names(tree))];
    const found = await Promise.all(wanted.map((name) => choice(name)));
    return { values: evaluate(tree, new Map(wanted.map((name, i) => [name, found[i].values])), columns.count()), label: text, unit: "", words: null };
  }

  // ---- cuts -------------------------------------------------------------------------------------------------------

  const OPERATIONS = ["≥", "≤", "=", "≠", "contains", "contains no"];

  /** A cut as text in addresses: "quantity~operation~value". */
  const cutText = (cut) => [cut.name, OPERATIONS.indexOf(cut.operation), cut.value].join("~");

  function cutOf(text) {
    const [name, operation, ...rest] = text.split("~");
    const found = columns.quantity(name) && OPERATIONS[Number(operation)];
    return found ? { name, operation: found, value: rest.join("~") } : null;
  }

  function numberTest(operation, wanted) {
    if (operation === "≥") return (value) => value >= wanted;
    if (operation === "≤") return (value) => value <= wanted;
    if (operation === "≠" || operation === "contains no") return (value) => value !== wanted;
    return (value) => value === wanted;
  }

  /** Words are compared word by word: "ok" is not in "not_ok". */
  function wordTest(operation, wanted) {
    const sought = wanted.trim();
    const holds = (text) => text === sought || text.split(" ").includes(sought);
    if (operation === "=") return (text) => text === sought;
    if (operation === "≠") return (text) => text !== sought;
    return operation === "contains no" ? (text) => !holds(text) : holds;
  }

  /** Mark of every event whether it passes all cuts; an event without the quantity does not. */
  async function passing(cuts) {
    const marks = new Uint8Array(columns.count()).fill(1);
    for (const cut of cuts) {
      const found = await columns.column(cut.name);
      if (found.values) {
        const wanted = Number(cut.value);
        if (cut.value.trim() === "" || Number.isNaN(wanted)) continue;
        const test = numberTest(cut.operation, wanted);
        for (let i = 0; i < marks.length; i++) if (!(found.values[i] === found.values[i] && test(found.values[i]))) marks[i] = 0;
      } else {
        if (cut.value.trim() === "") continue;
        const test = wordTest(cut.operation, cut.value);
        const passes = [0, ...found.words.map((word) => (test(word) ? 1 : 0))];
        for (let i = 0; i < marks.length; i++) marks[i] &= passes[found.codes[i]];
      }
    }
    return marks;
  }

  /** Rows of cuts in a box with a button that adds one; calls back when they change. */
  function makeCuts(box, given, changed) {
    const cuts = given.filter(Boolean);
    const list = make("div");
    const add = make("button", "Add a cut", "act");
    add.type = "button";
    function row(cut) {
      const line = make("div", undefined, "cut");
      const name = make("select");
      name.setAttribute("aria-label", "Quantity that is cut");
      fillSelect(name, cut.name);
      const operation = make("select");
      operation.setAttribute("aria-label", "How it is cut");
      for (const known of OPERATIONS) operation.append(new Option(known));
      operation.value = cut.operation;
      const value = make("input");
      value.setAttribute("aria-label", "Value of the cut");
      value.value = cut.value;
      const away = make("button", "✕", "act");
      away.type = "button";
      away.title = "Take this cut away";
      name.addEventListener("change", () => { cut.name = name.value; changed(); });
      operation.addEventListener("change", () => { cut.operation = operation.value; changed(); });
      value.addEventListener("change", () => { cut.value = value.value; changed(); });
      away.addEventListener("click", () => { cuts.splice(cuts.indexOf(cut), 1); line.remove(); changed(); });
      line.append(name, operation, value, away);
      list.append(line);
    }
    cuts.forEach(row);
    add.addEventListener("click", () => {
      const cut = { name: "event.kind", operation: "=", value: "" };
      if (!columns.quantity(cut.name)) cut.name = columns.quantities()[0].name;
      cuts.push(cut);
      row(cut);
    });
    box.replaceChildren(list, add);
    return cuts;
  }

  // ---- colours ----------------------------------------------------------------------------------------------------

  function viridis(share) {
    const at = Math.min(Math.max(share, 0), 1) * (VIRIDIS.length - 1);
    const low = Math.min(Math.floor(at), VIRIDIS.length - 2);
    const mixed = VIRIDIS[low].map((c, i) => Math.round(c + (at - low) * (VIRIDIS[low + 1][i] - c)));
    return `rgb(${mixed.join(",")})`;
  }

  /** Colours of chosen events, and what goes into the legend. Numbers span the central 98 % of their values. */
  function colours(found, chosen, box) {
    const css = window.pinakesFigures.colour;
    box.replaceChildren();
    if (!found) return Array.from(chosen, () => css("channel-4"));
    if (found.words) {
      const counts = new Map();
      for (const i of chosen) counts.set(found.values[i] || 0, (counts.get(found.values[i] || 0) || 0) + 1);
      const order = Array.from(counts.keys()).sort((a, b) => counts.get(b) - counts.get(a));
      const hue = (code, i) => (code === 0 ? "unknown" : KINDS[found.words[code - 1]] || NAMED[i] || "muted");
      const named = new Map(order.map((code, i) => [code, css(hue(code, i))]));
      box.append(...order.slice(0, 12).map((code) => {
        const item = make("span", undefined, "key");
        const swatch = make("span", undefined, "swatch");
        swatch.style.background = named.get(code);
        item.append(swatch, ` ${code === 0 ? "nothing known" : found.words[code - 1]} `, make("span", String(counts.get(code)), "muted"));
        return item;
      }));
      return Array.from(chosen, (i) => named.get(found.values[i] || 0));
    }
    const there = Float64Array.from(Array.from(chosen, (i) => found.values[i]).filter(Number.isFinite)).sort();
    if (!there.length) return Array.from(chosen, () => css("muted"));
    const low = there[Math.floor(0.01 * (there.length - 1))];
    const high = there[Math.ceil(0.99 * (there.length - 1))];
    ramp(box, found.label, shown(low), shown(high), "(1st to 99th percentile; grey: not known)");
    const span = high - low || 1;
    return Array.from(chosen, (i) => (Number.isFinite(found.values[i]) ? viridis((found.values[i] - low) / span) : css("muted")));
  }

  /** A legend of colours from the least to the greatest of something. */
  function ramp(box, label, low, high, note) {
    const bar = make("span", undefined, "ramp");
    bar.style.background = `linear-gradient(to right, ${Array.from({ length: 10 }, (_, i) => viridis(i / 9)).join(",")})`;
    box.replaceChildren(`${label}: ${low} `, bar, ` ${high} `, make("span", note, "muted"));
  }

  /** A number as people read it: four digits, powers of ten outside 0.001 to 100 000. */
  function shown(value) {
    if (value === null || Number.isNaN(value)) return "–";
    if (value === 0) return "0";
    const size = Math.abs(value);
    if (Number.isInteger(value) && size < 1e7) return String(value);
    return size >= 1e-3 && size < 1e5 ? String(Number(value.toPrecision(5))) : value.toExponential(3);
  }

  function timeText(seconds, digits = 3) {
    if (!Number.isFinite(seconds)) return "–";
    return new Date(seconds * 1000).toISOString().replace("T", " ").slice(0, 20 + digits);
  }

  // ---- points -----------------------------------------------------------------------------------------------------

  /** The part of the points that a screen can tell apart: one of each square of `step` pixels, the first met. */
  function distinct(x, y, chosen, range, size, step = 2) {
    const wide = Math.max(1, Math.ceil(size.width / step));
    const high = Math.max(1, Math.ceil(size.height / step));
    const taken = new Uint8Array((wide + 2) * (high + 2));
    const kept = [];
    const kx = wide / (range.x[1] - range.x[0]);
    const ky = high / (range.y[1] - range.y[0]);
    for (const i of chosen) {
      const column = Math.floor((x[i] - range.x[0]) * kx);
      const row = Math.floor((y[i] - range.y[0]) * ky);
      if (!(column >= -1 && column <= wide && row >= -1 && row <= high)) continue;
      const square = (row + 1) * (wide + 2) + column + 1;
      if (taken[square]) continue;
      taken[square] = 1;
      kept.push(i);
    }
    return kept;
  }

  /** The point nearest to a place, within reach; `x` and `y` in the coordinates of the axes. */
  function nearest(points, at, range, size) {
    const kx = size.width / (range.x[1] - range.x[0]);
    const ky = size.height / (range.y[1] - range.y[0]);
    let best = -1;
    let least = REACH * REACH;
    for (const i of points.chosen) {
      const dx = (points.x[i] - at.x) * kx;
      const dy = (points.y[i] - at.y) * ky;
      const far = dx * dx + dy * dy;
      if (far < least) { least = far; best = i; }
    }
    return best;
  }

  const eventHref = (id) => `${document.body.dataset.root}events/viewer.html#${id}`;

  // ---- the card of an event -----------------------------------------------------------------------------------------

  /** A card beside the pointer that tells of an event, with its first waveform once the pointer rests. */
  function makeCard(box) {
    const card = make("div", undefined, "card");
    card.hidden = true;
    const lines = make("dl");
    const canvas = make("canvas");
    canvas.width = 220;
    canvas.height = 60;
    card.append(lines, canvas);
    box.append(card);
    let at = null;
    let rest = 0;

    async function picture(id) {
      const events = window.pinakesEvents;
      const event = events && await events.event(id).catch(() => null);
      if (at !== id || !event) return;
      const channel = event.channels.find((one) => one.text || one.samples);
      if (!channel) return;
      const samples = channel.samples || window.pinakesWaveform.decode(channel.digits, channel.text);
      drawSmall(canvas, samples);
      canvas.hidden = false;
    }

    return {
      show(id, facts, place, pictured = true) {
        card.hidden = false;
        const left = place.sx > box.clientWidth / 2;
        card.style.left = left ? "" : `${place.sx + 16}px`;
        card.style.right = left ? `${box.clientWidth - place.sx + 16}px` : "";
        card.style.top = `${Math.max(0, place.sy - 20)}px`;
        if (at === id) return;
        at = id;
        canvas.hidden = true;
        lines.replaceChildren(...facts.flatMap(([label, value]) => [make("dt", label), make("dd", value)]));
        clearTimeout(rest);
        if (pictured) rest = setTimeout(() => picture(id), 150);
      },
      hide() {
        card.hidden = true;
        at = null;
        clearTimeout(rest);
      },
    };
  }

  function drawSmall(canvas, samples) {
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, canvas.width, canvas.height);
    let low = Infinity;
    let high = -Infinity;
    for (const value of samples) { if (value < low) low = value; if (value > high) high = value; }
    const indexes = window.pinakesWaveform.extremes(samples, 0, samples.length - 1, canvas.width);
    pen.strokeStyle = window.pinakesFigures.colour("channel-1");
    pen.beginPath();
    for (const i of indexes) {
      const x = (i / (samples.length - 1)) * canvas.width;
      const y = canvas.height - 3 - ((samples[i] - low) / (high - low || 1)) * (canvas.height - 6);
      pen.lineTo(x, y);
    }
    pen.stroke();
  }

  // ---- tables and files ---------------------------------------------------------------------------------------------

  /** A table of the first events of a choice: `heads` are [label, unit], `cells(i)` the values of event i. */
  function showTable(box, ids, heads, chosen, cells) {
    const table = make("table", undefined, "data");
    const head = table.createTHead().insertRow();
    head.append(make("th", "Event", "number"));
    for (const [label, unit] of heads) {
      const cell = make("th", label, "number");
      if (unit) cell.append(" ", make("span", unit, "unit"));
      head.append(cell);
    }
    const body = table.createTBody();
    for (const i of chosen.slice(0, LISTED)) {
      const row = body.insertRow();
      const first = make("td", undefined, "number");
      const link = make("a", String(ids[i]));
      link.href = eventHref(ids[i]);
      first.append(link);
      row.append(first, ...cells(i).map((value) => make("td", typeof value === "number" ? shown(value) : value, "number")));
    }
    const scroll = make("div", undefined, "scroll");
    scroll.append(table);
    const note = chosen.length > LISTED ? `The first ${LISTED} of ${chosen.length} events; the CSV has all.` : `${chosen.length} events.`;
    box.replaceChildren(make("p", note, "muted"), scroll);
  }

  /** One CSV field; text that a spreadsheet would run as a formula gets a leading apostrophe. */
  function quoted(value) {
    if (typeof value === "number") return Number.isNaN(value) ? "" : String(value);
    const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
    return /[",\r\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
  }

  /** Save rows as a CSV file; `rows` is asked only when the reader clicks. */
  function saveAs(link, name, heads, rows) {
    link.download = name;
    link.href = "#";
    link.onclick = () => {
      const lines = [heads.map(quoted).join(",")];
      for (const row of rows()) lines.push(row.map(quoted).join(","));
      link.href = URL.createObjectURL(new Blob([`${lines.join("\n")}\n`], { type: "text/csv" }));
    };
  }

  // ---- figures ------------------------------------------------------------------------------------------------------

  /** The figures of a page by name, drawn empty; `pick` tells of the point under the pointer and of a tap on it. */
  async function figures(plot, pick) {
    const drawn = await window.pinakesFigures.draw(plot);
    return (name) => {
      const figure = drawn.get_model_by_name(name);
      if (pick) {
        figure.on_event("mousemove", (event) => pick("over", event));
        figure.on_event("mouseleave", () => pick("away", null));
        figure.on_event("tap", (event) => pick("tap", event));
      }
      return figure;
    };
  }

  const rangeOf = (figure) => ({ x: [figure.x_range.start, figure.x_range.end], y: [figure.y_range.start, figure.y_range.end] });
  const sizeOf = (figure) => ({ width: figure.inner_width || 900, height: figure.inner_height || 400 });

  /** Least and greatest of the chosen values with a margin; on log axes in powers of ten. */
  function extent(values, chosen, log) {
    let low = Infinity;
    let high = -Infinity;
    for (const i of chosen) { if (values[i] < low) low = values[i]; if (values[i] > high) high = values[i]; }
    if (!(low <= high)) return log ? [1, 10] : [0, 1];
    if (log) {
      const spare = Math.max(0.02, 0.04 * Math.log10(high / low));
      return [low * 10 ** -spare, high * 10 ** spare];
    }
    const spare = (high - low) * 0.04 || Math.abs(low) * 0.05 || 0.5;
    return [low - spare, high + spare];
  }

  function setRange(range, [start, end]) {
    range.setv({ start, end, reset_start: start, reset_end: end });
  }

  /** Read and write the choices of a page in its address, so that a link shows the same. */
  const address = {
    read: () => new URLSearchParams(location.hash.slice(1)),
    write(values) {
      const kept = new URLSearchParams();
      for (const [name, value] of values) if (value !== "" && value !== null && value !== false) kept.append(name, value === true ? "1" : value);
      history.replaceState(null, "", `#${kept}`);
    },
  };

  /** Tell `pick` what the pointer does over a figure: "over", "away" or "tap", and the event. */
  function onPointer(figure, pick) {
    figure.on_event("mousemove", (event) => pick("over", event));
    figure.on_event("mouseleave", () => pick("away", null));
    figure.on_event("tap", (event) => pick("tap", event));
  }

  /** Call `later` whenever another part of a figure comes into view. */
  function onRange(figure, later) {
    for (const range of [figure.x_range, figure.y_range]) {
      range.properties.start.change.connect(later);
      range.properties.end.change.connect(later);
    }
  }

  window.pinakesDashboard = {
    make, fillSelect, choice, formula, viridis, ramp, axisLabel, cutText, cutOf, passing, makeCuts, colours, shown, timeText, distinct, nearest, eventHref,
    makeCard, showTable, saveAs, figures, rangeOf, sizeOf, extent, setRange, address, onPointer, onRange,
  };
})();
