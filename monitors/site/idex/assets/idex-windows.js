// Counts, exposure, rates and maps of windows of ten days: one script a window, loaded when it is chosen.
"use strict";

(function () {
  const scripts = window.pinakesPage.loader();
  const found = new Map(); // name -> data

  async function load(name) {
    await scripts.load(new URL(`${document.body.dataset.root}instruments/idex/windows/${name}.js`, location.href).href);
    return found.get(name);
  }

  /** Seconds in the unit people think in. */
  function hours(seconds) {
    return seconds === null ? "not known" : `${Number((seconds / 3600).toPrecision(4))} h`;
  }

  window.pinakesWindows = { set(data) { found.set(data.name, data); }, load, hours };
})();
