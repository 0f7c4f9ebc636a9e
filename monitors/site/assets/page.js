// What every page does: say how old it is, make tables sortable and filterable, draw the figures it carries.
"use strict";

(function () {
  const build = window.pinakes || {};

  /** A span of seconds in words: "3 min", "5 h", "12 days". */
  function span(seconds) {
    const s = Math.abs(seconds);
    if (s < 90) return `${Math.round(s)} s`;
    if (s < 5400) return `${Math.round(s / 60)} min`;
    if (s < 129600) return `${Math.round(s / 3600)} h`;
    if (s < 63072000) return `${Math.round(s / 86400)} days`;
    return `${(s / 31557600).toFixed(1)} years`;
  }

  /** "3 min ago", or "in 3 min" for a time that is still to come. */
  function age(milliseconds) {
    const seconds = (Date.now() - milliseconds) / 1000;
    return seconds < -1 ? `in ${span(seconds)}` : `${span(seconds)} ago`;
  }

  function showBuild() {
    const built = document.getElementById("built");
    if (!built || !build.built) return;
    const time = Date.parse(build.built);
    const old = (Date.now() - time) / 1000 > build.staleAfter;
    built.replaceChildren();
    const when = document.createElement("span");
    when.textContent = build.built.slice(0, 16).replace("T", " ");
    const state = document.createElement("div");
    state.className = `state ${old ? "error" : "ok"}`;
    state.textContent = `${old ? "✕ stale, " : "✓ "}${age(time)}`;
    built.append(when, state);
    document.getElementById("build-id").textContent = shortRun(build.id);
    document.getElementById("build-id").title = build.id;
    const written = document.getElementById("written");
    document.getElementById("written-run").textContent = shortRun(written.dataset.run);
    document.getElementById("written-run").title = written.dataset.run;
    document.body.classList.toggle("stale", old);
  }

  /** The end of a run's name tells runs apart; the whole of it shows on hover. */
  function shortRun(id) {
    return id.length > 20 ? `…${id.slice(-12)}` : id;
  }

  /** Times that ask for it say how long ago they were, beside them. */
  function writeAges() {
    for (const cell of document.querySelectorAll(".age[data-value]")) {
      let note = cell.querySelector(".ago");
      if (!note) {
        note = document.createElement("span");
        note.className = "ago";
        cell.append(" ", note);
      }
      note.textContent = age(Number(cell.dataset.value) * 1000);
    }
  }

  /** Times show their age on hover; the numbers lie in data-value, in seconds. */
  function showAges(root) {
    root.addEventListener("mouseover", (event) => {
      const cell = event.target.closest("td.time[data-value], dd.time[data-value], time[datetime]");
      if (!cell) return;
      const time = cell.dateTime ? Date.parse(cell.dateTime) : Number(cell.dataset.value) * 1000;
      if (Number.isFinite(time) && (cell.dateTime || cell.dataset.value)) cell.title = age(time);
    });
  }

  function keyOf(row, index, numeric) {
    const cell = row.cells[index];
    const value = cell.dataset.value !== undefined ? cell.dataset.value : cell.textContent.trim();
    if (!numeric) return value.toLowerCase();
    return value === "" || Number.isNaN(Number(value)) ? null : Number(value);
  }

  function sortBy(table, index, header) {
    const ascending = header.getAttribute("aria-sort") !== "ascending";
    const numeric = header.classList.contains("number") || header.classList.contains("time");
    const body = table.tBodies[0];
    const rows = Array.from(body.rows, (row) => [keyOf(row, index, numeric), row]);
    const compare = numeric ? (a, b) => a - b : new Intl.Collator("en", { numeric: true }).compare;
    rows.sort(([a], [b]) => {
      if (a === null || b === null) return (a === null) - (b === null); // what is not there comes last either way
      return ascending ? compare(a, b) : compare(b, a);
    });
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    body.append(...rows.map(([, row]) => row));
  }

  function makeSortable(table) {
    Array.from(table.tHead.rows[0].cells).forEach((header, index) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...header.childNodes);
      header.append(button);
      button.addEventListener("click", () => sortBy(table, index, header));
    });
  }

  const FILTER_FROM = 12; // rows; shorter tables are read at a glance

  /** What goes above a table: a filter, how many rows there are, and the rows as CSV. */
  function makeTools(table) {
    const rows = Array.from(table.tBodies[0].rows);
    const asked = table.dataset.filter !== undefined;
    if (!asked && !table.dataset.csv && rows.length < FILTER_FROM) return;
    const tools = document.createElement("div");
    tools.className = "table-tools";
    tools.append(...(asked || rows.length >= FILTER_FROM ? filterOf(table, rows) : []), csvOf(table, rows));
    table.closest(".scroll").before(tools);
  }

  function filterOf(table, rows) {
    const input = document.createElement("input");
    input.type = "search";
    input.placeholder = "Filter rows";
    input.setAttribute("aria-label", "Filter rows: every word must occur in the row");
    const shown = document.createElement("span");
    shown.setAttribute("role", "status");
    let texts = null;
    const filter = () => {
      texts = texts || rows.map((row) => row.textContent.toLowerCase());
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let count = 0;
      rows.forEach((row, i) => {
        row.hidden = !words.every((word) => texts[i].includes(word));
        count += row.hidden ? 0 : 1;
      });
      shown.textContent = words.length ? `${count} of ${rows.length} rows` : `${rows.length} rows`;
    };
    input.addEventListener("input", filter);
    const wanted = table.dataset.filter !== undefined && new URLSearchParams(location.hash.slice(1)).get("q");
    if (wanted) input.value = wanted;
    if (wanted) filter();
    else shown.textContent = `${rows.length} rows`;
    return [input, shown];
  }

  /** A link to the whole list where the site has it as a file; else the rows of the page that pass the filter. */
  function csvOf(table, rows) {
    const link = document.createElement("a");
    link.download = "";
    link.textContent = "Download as CSV";
    if (table.dataset.csv) {
      link.href = table.dataset.csv;
      return link;
    }
    link.href = "#";
    link.addEventListener("click", () => {
      const heads = Array.from(table.tHead.rows[0].cells);
      const lines = [heads.map((cell) => quoted(cell.textContent.trim()))];
      for (const row of rows) if (!row.hidden) lines.push(heads.map((head, i) => quoted(exact(head, row.cells[i]))));
      link.href = URL.createObjectURL(new Blob([lines.map((line) => line.join(",")).join("\n") + "\n"], { type: "text/csv" }));
      link.download = `${document.title.replace(/[^\w.-]+/g, "-")}.csv`;
    });
    return link;
  }

  /** The value of a cell: the whole number, the time as ISO 8601, the text as it is. */
  function exact(head, cell) {
    const value = cell.dataset.value;
    if (value === undefined) return cell.textContent.trim();
    if (value === "" || !head.classList.contains("time")) return value;
    return new Date(Number(value) * 1000).toISOString();
  }

  /** One CSV field; text that a spreadsheet would run as a formula gets a leading apostrophe. */
  function quoted(text) {
    const safe = /^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;
    return /[",\r\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
  }

  /** Search fields lead to pages that know what to do with the text. */
  function makeSearch(form) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const text = form.querySelector("input").value.trim();
      if (text) location.href = `${form.dataset.page}#${form.dataset.key}=${encodeURIComponent(text)}`;
    });
  }

  // ---- keys -------------------------------------------------------------------------------------------------------

  const PLACES = {
    h: "index.html", p: "problems.html", m: "monitors/index.html", s: "storage/index.html", d: "days/index.html",
    f: "files/index.html", e: "events/index.html", v: "events/viewer.html",
  };
  let waiting = 0; // until when a second key is waited for after g

  function goBeside(relation) {
    const link = document.querySelector(`link[rel=${relation}]`);
    if (link) location.href = link.href;
  }

  /** Walk from row to row; Enter then opens the first link of the row. */
  function stepRow(by) {
    const rows = Array.from(document.querySelectorAll("table.data tbody tr")).filter((row) => row.offsetParent && row.querySelector("a"));
    if (!rows.length) return;
    const at = rows.indexOf(document.activeElement.closest("tr"));
    const next = rows[Math.max(0, Math.min(rows.length - 1, at < 0 ? 0 : at + by))];
    next.querySelector("a").focus();
    next.scrollIntoView({ block: "nearest" });
  }

  function focusOn(selector) {
    const input = document.querySelector(selector);
    if (input) { input.focus(); input.select(); }
  }

  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("input")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (performance.now() < waiting && PLACES[event.key]) {
      location.href = document.body.dataset.root + PLACES[event.key];
      return;
    }
    const actions = {
      "/": () => focusOn("#query, #site-search"),
      "[": () => goBeside("prev"),
      "]": () => goBeside("next"),
      t: () => focusOn(".table-tools input"),
      j: () => stepRow(1),
      k: () => stepRow(-1),
      g: () => { waiting = performance.now() + 1500; },
      "?": () => { const fold = document.getElementById("keys"); fold.open = !fold.open; },
    };
    if (!actions[event.key]) return;
    event.preventDefault();
    actions[event.key]();
  }

  showBuild();
  writeAges();
  setInterval(() => { showBuild(); writeAges(); }, 30000);
  showAges(document.body);
  document.querySelectorAll("table.data").forEach((table) => {
    makeSortable(table);
    makeTools(table);
  });
  document.querySelectorAll("form.find").forEach(makeSearch);
  // The event viewer has keys of its own.
  if (document.body.dataset.keys !== "own") document.addEventListener("keydown", onKey);

  /** Run the script at an address once; the promise breaks when it cannot be had. */
  function load(address) {
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = address;
      script.onload = () => { script.remove(); resolve(); };
      script.onerror = () => { script.remove(); reject(new Error(`${address} cannot be loaded`)); };
      document.head.append(script);
    });
  }

  /** The same for scripts that stay: an address is asked for once, and again only where that failed. */
  function loader() {
    const asked = new Map(); // address -> promise
    return {
      load(address) {
        if (!asked.has(address)) asked.set(address, load(address).catch((error) => { asked.delete(address); throw error; }));
        return asked.get(address);
      },
      forget: (address) => asked.delete(address),
    };
  }

  /** What goes wrong with the data of a page is told in its notice. */
  function attempt(promise) {
    promise.catch((error) => { document.getElementById("notice").textContent = `${error.message}. Build the site again: pinakes site build`; });
  }

  window.pinakesPage = { age, loader, attempt };
})();
