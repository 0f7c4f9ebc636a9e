// Counts and rates of a window by charge or mass and spin quadrant.
"use strict";

(function () {
  const windows = window.pinakesWindows;
  const element = (id) => document.getElementById(id);
  const { attempt } = window.pinakesPage;
  const SELECTS = ["window", "binning", "quadrant"];
  let figures = {};

  function fill(name, rows, at) {
    const known = rows.filter((row) => row[0] >= 0);
    figures[`${name} bars`].data = {
      left: known.map((row) => row[1]), right: known.map((row) => row[2]), middle: known.map((row) => Math.sqrt(row[1] * row[2])),
      value: known.map((row) => (row[at] === null ? NaN : row[at])), low: known.map((row) => (row[at + 1] === null ? NaN : row[at + 1])),
      high: known.map((row) => (row[at + 2] === null ? NaN : row[at + 2])),
    };
    const figure = figures[name];
    const top = Math.max(0, ...known.map((row) => row[at + 2] || 0)) || 1;
    figure.y_range.setv({ start: 0, end: 1.08 * top, reset_start: 0, reset_end: 1.08 * top });
    const ends = { start: known.length ? known[0][1] : 0.1, end: known.length ? known[known.length - 1][2] : 1 };
    figure.x_range.setv({ ...ends, reset_start: ends.start, reset_end: ends.end });
    figure.below[0].axis_label = element("binning").value === "charge" ? "Impact charge (pC)" : "Mass (kg)";
  }

  async function show() {
    const [name, binning, quadrant] = SELECTS.map((id) => element(id).value);
    const data = await windows.load(name);
    const rows = (data.rates[binning] || {})[quadrant] || [];
    fill("counts", rows, 3);
    fill("rates", rows, 6);
    const unknown = rows.filter((row) => row[0] < 0).reduce((sum, row) => sum + row[3], 0);
    const counted = rows.reduce((sum, row) => sum + row[3], 0);
    const parts = [`${counted} dust events`, `${unknown} of them without a ${binning}`, `exposure ${windows.hours(data.exposure)}`];
    if (data.without_exposure) parts.push(`${data.without_exposure} windows have no exposure and are left out of rates`);
    if (data.no_phase) parts.push(`${data.no_phase} of ${data.dust} events in no quadrant, because the spin phase is not known`);
    element("told").textContent = `${parts.join("; ")}.`;
    const kept = new URLSearchParams(SELECTS.map((id) => [id, element(id).value]));
    history.replaceState(null, "", `#${kept}`);
    document.documentElement.dataset.shown = String(counted);
  }

  async function start() {
    const drawn = await window.pinakesFigures.draw(JSON.parse(element("plot-rates").textContent));
    for (const name of ["counts", "rates"]) figures = { ...figures, [name]: drawn.get_model_by_name(name), [`${name} bars`]: drawn.get_model_by_name(`${name}-bars`) };
    const given = new URLSearchParams(location.hash.slice(1));
    for (const id of SELECTS) {
      if (given.get(id)) element(id).value = given.get(id);
      if (element(id).selectedIndex < 0) element(id).selectedIndex = 0;
      element(id).addEventListener("change", () => attempt(show()));
    }
    await show();
  }

  attempt(start());
})();
