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
    document.getElementById("build-id").textContent = build.id;
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

  function makeFilterable(table) {
    const tools = document.createElement("div");
    tools.className = "table-tools";
    const input = document.createElement("input");
    input.type = "search";
    input.placeholder = "Filter rows";
    input.setAttribute("aria-label", "Filter rows: every word must occur in the row");
    const shown = document.createElement("span");
    shown.setAttribute("role", "status");
    tools.append(input, shown);
    const rows = Array.from(table.tBodies[0].rows);
    const texts = rows.map((row) => row.textContent.toLowerCase());
    const filter = () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let count = 0;
      rows.forEach((row, i) => {
        row.hidden = !words.every((word) => texts[i].includes(word));
        count += row.hidden ? 0 : 1;
      });
      shown.textContent = words.length ? `${count} of ${rows.length} rows` : `${rows.length} rows`;
    };
    input.addEventListener("input", filter);
    if (table.dataset.csv) {
      const link = document.createElement("a");
      link.href = table.dataset.csv;
      link.download = "";
      link.textContent = "Download as CSV";
      tools.append(link);
    }
    table.closest(".scroll").before(tools);
    const asked = new URLSearchParams(location.hash.slice(1)).get("q");
    if (asked) input.value = asked;
    filter();
  }

  /** The search fields of the home page lead to pages that know what to do with the text. */
  function makeSearch(form) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const text = form.querySelector("input").value.trim();
      if (text) location.href = `${form.dataset.page}#${form.dataset.key}=${encodeURIComponent(text)}`;
    });
  }

  showBuild();
  setInterval(showBuild, 30000);
  showAges(document.body);
  document.querySelectorAll("table.data").forEach((table) => {
    makeSortable(table);
    if (table.dataset.filter !== undefined) makeFilterable(table);
  });
  document.querySelectorAll("form.find").forEach(makeSearch);

  window.pinakesPage = { age };
})();
