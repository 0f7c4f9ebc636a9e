// Rank correlations of every pair of quantities of the events that pass the cuts, strongest first; each opens in the explorer.
"use strict";

(function () {
  const dash = window.pinakesDashboard;
  const columns = window.pinakesColumns;
  const ranks = window.pinakesRanks;
  const element = (id) => document.getElementById(id);
  const defaults = JSON.parse(element("correlations-defaults").textContent);
  const LISTED = 300; // rows of the table at most; the file has all
  const PAUSE = 40; // ms of work after which the page answers
  let cuts = [];
  let asked = 0;

  const groups = () => Array.from(element("groups").querySelectorAll("input"));
  const chosenGroups = () => groups().filter((box) => box.checked).map((box) => box.value);
  const least = () => Math.max(3, Math.round(Number(element("least").value)) || defaults.least);
  const across = () => element("across").checked;

  function remember() {
    dash.address.write([...chosenGroups().map((name) => ["g", name]), ["least", String(least())], ["across", across()], ...cuts.map((cut) => ["cut", dash.cutText(cut)])]);
  }

  function readAddress() {
    const given = dash.address.read();
    const wanted = given.has("g") ? given.getAll("g") : defaults.groups;
    for (const box of groups()) box.checked = wanted.includes(box.value);
    element("least").value = given.get("least") || defaults.least;
    element("across").checked = given.get("across") === "1";
    cuts = dash.makeCuts(element("cuts"), (given.size ? given.getAll("cut") : defaults.cuts).map(dash.cutOf), changed);
  }

  function fillGroups() {
    const counts = new Map();
    for (const { group, words } of columns.quantities()) if (!words) counts.set(group, (counts.get(group) || 0) + 1);
    element("groups").replaceChildren(...Array.from(counts, ([name, count]) => {
      const label = dash.make("label", undefined, "tick");
      const box = Object.assign(dash.make("input"), { type: "checkbox", value: name });
      box.addEventListener("change", changed);
      label.append(box, ` ${name} `, dash.make("span", String(count), "muted"));
      return label;
    }));
  }

  /** Let the page answer; whether the work is still wanted. */
  const pause = (request) => new Promise((next) => { setTimeout(() => next(request === asked), 0); });

  async function show() {
    const request = ++asked;
    remember();
    delete document.documentElement.dataset.shown;
    element("notice").textContent = "";
    element("counts").textContent = "Working …";
    element("listed").replaceChildren();
    const wanted = columns.quantities().filter(({ group, words }) => !words && chosenGroups().includes(group));
    const marks = await dash.passing(cuts);
    const chosen = [];
    marks.forEach((mark, i) => { if (mark) chosen.push(i); });
    const ready = [];
    let constant = 0;
    let paused = performance.now();
    for (const quantity of wanted) {
      const { values } = await columns.column(quantity.name);
      if (request !== asked) return;
      const column = ranks.prepare(values, chosen);
      if (column.ranks && column.count >= least()) ready.push({ quantity, column });
      else constant++;
      if (performance.now() - paused > PAUSE) {
        if (!(await pause(request))) return;
        paused = performance.now();
      }
    }
    const found = [];
    let few = 0;
    const total = (ready.length * (ready.length - 1)) / 2;
    let done = 0;
    for (let i = 0; i < ready.length; i++) {
      for (let k = i + 1; k < ready.length; k++) {
        done++;
        if (across() && ready[i].quantity.group === ready[k].quantity.group) continue;
        const one = ranks.spearman(ready[i].column, ready[k].column);
        if (!one || one.n < least()) few++;
        else found.push({ a: ready[i].quantity, b: ready[k].quantity, ...one, p: ranks.chance(one.rho, one.n) });
        if (performance.now() - paused <= PAUSE) continue;
        element("counts").textContent = `Working … ${Math.floor((100 * done) / total)} %`;
        if (!(await pause(request))) return;
        paused = performance.now();
      }
    }
    found.sort((one, other) => Math.abs(other.rho) - Math.abs(one.rho) || other.n - one.n);
    tell(found, chosen.length, marks.length, ready.length, constant, few);
    list(found);
    document.documentElement.dataset.shown = String(found.length);
  }

  function tell(found, passed, events, quantities, constant, few) {
    const parts = [`${found.length} pairs of ${quantities} quantities of ${passed} of ${events} events`];
    if (columns.total() > events) parts.push(`the newest ${events} of ${columns.total()} in the archive`);
    if (constant) parts.push(`${constant} quantities left out that do not vary, or that fewer than ${least()} events have`);
    if (few) parts.push(`${few} pairs left out that fewer than ${least()} events have, or in which one does not vary`);
    element("counts").textContent = `${parts.join("; ")}.`;
    const strong = found.filter(({ p }) => p < 0.01).length;
    element("warning").textContent = found.length ? `Of ${found.length} pairs that had nothing to do with each other, about ${Math.round(found.length / 100)} would have p < 0.01 by chance; ${strong} have. A pair is worth a look where “by chance” is far below 1: p times the number of pairs. Many of these quantities are computed from the same samples or from one another; a correlation of those is arithmetic, not physics.` : "";
  }

  /** The explorer with a pair, these cuts, and logarithms where a quantity spans decades. */
  function href({ a, b }, logs) {
    const query = new URLSearchParams([["x", a.name], ["y", b.name]]);
    ["lx", "ly"].forEach((name, i) => { if (logs[i]) query.append(name, "1"); });
    for (const cut of cuts) query.append("cut", dash.cutText(cut));
    return `explorer.html#${query}`;
  }

  /** Whether all known values are positive and span more than two decades. */
  async function spansDecades(name) {
    const { values } = await columns.column(name);
    let low = Infinity;
    let high = -Infinity;
    for (const value of values) { if (value < low) low = value; if (value > high) high = value; }
    return low > 0 && high > 100 * low;
  }

  const HEADS = [["Quantity", "prose"], ["Quantity", "prose"], ["ρ", "number"], ["Events", "number"], ["p", "number"], ["By chance", "number"]];

  function list(found) {
    const table = dash.make("table", undefined, "data");
    const head = table.createTHead().insertRow();
    for (const [label, kind] of HEADS) head.append(dash.make("th", label, kind));
    const body = table.createTBody();
    for (const pair of found.slice(0, LISTED)) {
      const row = body.insertRow();
      const link = Object.assign(dash.make("a", dash.axisLabel(pair.a)), { href: href(pair, []) });
      link.title = "Open the pair in the explorer";
      for (const kind of ["pointerenter", "focus"]) {
        link.addEventListener(kind, async () => { link.href = href(pair, await Promise.all([spansDecades(pair.a.name), spansDecades(pair.b.name)])); }, { once: true });
      }
      const first = dash.make("td", undefined, "prose");
      first.append(link);
      row.append(first, dash.make("td", dash.axisLabel(pair.b), "prose"), dash.make("td", rhoText(pair.rho), "number"), dash.make("td", String(pair.n), "number"), dash.make("td", small(pair.p), "number"), dash.make("td", small(pair.p * found.length), "number"));
    }
    const scroll = dash.make("div", undefined, "scroll");
    scroll.append(table);
    const note = found.length > LISTED ? `The strongest ${LISTED} of ${found.length}; the CSV has all.` : `${found.length} pairs.`;
    element("listed").replaceChildren(dash.make("p", note, "muted"), ...(found.length ? [scroll] : []));
    dash.saveAs(element("csv"), "correlations.csv", ["quantity_a", "quantity_b", "rho", "events", "p", "p_times_pairs"], () => found.map(({ a, b, rho, n, p }) => [a.name, b.name, rho, n, p, p * found.length]));
  }

  /** Three decimals; what is not 1 is never shown as 1. */
  function rhoText(rho) {
    const text = Math.abs(rho) < 1 && Math.abs(rho) > 0.9995 ? (Math.sign(rho) * 0.999).toFixed(3) : rho.toFixed(3);
    return text.replace("-", "−");
  }

  const small = (p) => (p < 1e-300 ? "< 1e-300" : p >= 0.001 ? String(Number(p.toPrecision(2))) : p.toExponential(1));

  function changed() {
    show().catch((error) => { element("notice").textContent = `${error.message}.`; element("counts").textContent = ""; });
  }

  function start() {
    if (!columns.count()) {
      element("dashboard").hidden = true;
      element("nothing").hidden = false;
      return;
    }
    fillGroups();
    readAddress();
    for (const id of ["least", "across"]) element(id).addEventListener("change", changed);
    for (const [id, all] of [["all-groups", true], ["usual-groups", false]]) {
      element(id).addEventListener("click", () => {
        for (const box of groups()) box.checked = all || defaults.groups.includes(box.value);
        changed();
      });
    }
    window.addEventListener("hashchange", () => { readAddress(); changed(); });
    changed();
  }

  start();
})();
