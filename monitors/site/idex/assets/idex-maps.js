// The pointing map of a window: counts, exposure or rate of each pixel, of all dust or of one bin.
"use strict";

(function () {
  const windows = window.pinakesWindows;
  const dash = window.pinakesDashboard;
  const element = (id) => document.getElementById(id);
  const { attempt } = window.pinakesPage;
  const intervals = JSON.parse(element("intervals").textContent);
  const SELECTS = ["window", "what", "bin"];
  const COLUMNS = 60;
  const ROWS = 30;
  const LEAST = 0.1; // counts that the colour of an empty pixel stands for, as in the published maps
  const UNITS = { counts: "dust events", exposure: "s", rate: "1/s" };
  let figure = null;
  let source = null;
  let pixels = []; // of the choice: {counts, exposure, rate} by number of the pixel, or undefined
  let asked = 0;

  /** Longitude and latitude, degrees, of a place on the map; null outside the sky. */
  function direction(x, y) {
    const sine = y / Math.SQRT2;
    if (Math.abs(sine) > 1) return null;
    const theta = Math.asin(sine);
    const latitude = Math.asin((2 * theta + Math.sin(2 * theta)) / Math.PI);
    const longitude = Math.cos(theta) < 1e-9 ? 0 : (Math.PI * x) / (2 * Math.SQRT2 * Math.cos(theta));
    if (Math.abs(longitude) > Math.PI) return null;
    return [((longitude * 180) / Math.PI + 360) % 360, (latitude * 180) / Math.PI];
  }

  function pixelAt(x, y) {
    const found = direction(x, y);
    if (!found) return -1;
    const column = Math.min(COLUMNS - 1, Math.floor(found[0] / 6));
    const row = Math.min(ROWS - 1, Math.floor((found[1] + 90) / 6));
    return column * ROWS + row;
  }

  /** What each pixel holds: of all dust, or of the chosen bin of charge or mass. */
  function choose(data, bin) {
    const found = [];
    for (const [lon, lat, counts, exposed, exposure] of data.pixels) {
      found[lon * ROWS + lat] = { counts: bin === "all" ? counts : 0, exposed: bin === "all" ? exposed : 0, exposure };
    }
    if (bin !== "all") {
      const [binning, number] = bin.split(" ");
      for (const [lon, lat, place, counts] of data.binned[binning]) {
        const pixel = found[lon * ROWS + lat];
        if (String(place) !== number || !pixel) continue;
        pixel.counts += counts;
        if (pixel.exposure > 0) pixel.exposed += counts;
      }
    }
    for (const pixel of found) if (pixel) pixel.rate = pixel.exposure > 0 ? pixel.exposed / pixel.exposure : null;
    return found;
  }

  const interval = (counts) => intervals[counts] || [counts - Math.sqrt(counts), counts + Math.sqrt(counts)];

  function paint(what) {
    const values = pixels.map((pixel) => (pixel ? pixel[what] : null));
    const there = values.filter((value) => value !== null && value !== undefined && value > 0);
    const high = there.length ? Math.max(...there) : 1;
    const low = what === "counts" ? LEAST : there.length ? Math.min(...there) : high;
    const span = Math.log(high / low) || 1;
    const colours = Array.from({ length: COLUMNS * ROWS }, (_, i) => {
      const value = values[i];
      if (value === null || value === undefined) return "transparent";
      const raised = what === "counts" ? value + LEAST : value;
      return raised > 0 ? dash.viridis(Math.log(raised / low) / span) : dash.viridis(0);
    });
    source.data = { ...source.data, colour: colours };
    const bar = dash.make("span", undefined, "ramp");
    bar.style.background = `linear-gradient(to right, ${Array.from({ length: 10 }, (_, i) => dash.viridis(i / 9)).join(",")})`;
    element("legend").replaceChildren(`${what} (${UNITS[what]}): ${dash.shown(what === "counts" ? 0 : low)} `, bar, ` ${dash.shown(high)} `, dash.make("span", "logarithmic; no colour: never pointed at, or not known", "muted"));
  }

  async function show() {
    const request = ++asked;
    const [name, what, bin] = SELECTS.map((id) => element(id).value);
    const data = await windows.load(name);
    if (request !== asked) return;
    pixels = choose(data, bin);
    paint(what);
    const placed = pixels.reduce((sum, pixel) => sum + (pixel ? pixel.counts : 0), 0);
    const parts = [`${placed} dust events on the map`, `${data.unplaced} of ${data.dust} unplaced${data.unplaced ? ", because no file says where the boresight pointed" : ""}`, `exposure ${windows.hours(data.exposure)}`];
    element("advice").hidden = pixels.length > 0;
    element("told").textContent = `${parts.join("; ")}.`;
    const rows = () => pixels.flatMap((pixel, i) => (pixel ? [[6 * Math.floor(i / ROWS) + 3, 6 * (i % ROWS) - 87, pixel.counts, ...interval(pixel.counts), pixel.exposure ?? NaN, pixel.rate ?? NaN]] : []));
    dash.saveAs(element("csv"), `map-${name}.csv`, ["longitude_deg", "latitude_deg", "counts", "counts_low", "counts_high", "exposure_s", "rate_per_s"], rows);
    history.replaceState(null, "", `#${new URLSearchParams(SELECTS.map((id) => [id, element(id).value]))}`);
    document.documentElement.dataset.shown = String(placed);
  }

  function tell(card, event) {
    const number = event ? pixelAt(event.x, event.y) : -1;
    if (number < 0) { card.hide(); return; }
    const pixel = pixels[number];
    const lon = 6 * Math.floor(number / ROWS);
    const lat = 6 * (number % ROWS) - 90;
    const facts = [["Longitude", `${lon}° to ${lon + 6}°`], ["Latitude", `${lat}° to ${lat + 6}°`]];
    if (pixel) {
      const [low, high] = interval(pixel.counts);
      facts.push(["Dust events", `${pixel.counts} (68 %: ${dash.shown(low)} to ${dash.shown(high)})`], ["Exposure", windows.hours(pixel.exposure ?? null)]);
      facts.push(["Rate", pixel.rate === null ? "not known" : `${dash.shown(pixel.rate)} 1/s`]);
    } else facts.push(["", "never pointed at, or not known"]);
    card.show(`pixel ${number}`, facts, event, false);
    document.documentElement.dataset.pixel = `${lon} ${lat}`;
  }

  /** Equal steps to the right and upwards are equal on the screen. */
  function keepShape() {
    const size = dash.sizeOf(figure);
    const high = Math.max(3.2, (6.0 * size.height) / size.width);
    const wide = (high * size.width) / size.height;
    dash.setRange(figure.y_range, [-high / 2, high / 2]);
    dash.setRange(figure.x_range, [-wide / 2, wide / 2]);
  }

  async function start() {
    const get = await dash.figures(JSON.parse(element("plot-map").textContent), null);
    figure = get("sky");
    source = get("pixels");
    keepShape();
    window.addEventListener("resize", () => setTimeout(keepShape, 100));
    const card = dash.makeCard(element("figures"));
    figure.on_event("mousemove", (event) => tell(card, event));
    figure.on_event("mouseleave", () => tell(card, null));
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
