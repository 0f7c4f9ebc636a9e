// Counts, exposure, rates and maps of windows of ten days: one script a window, loaded when it is chosen.
"use strict";

(function () {
  const asked = new Map(); // name -> promise
  const found = new Map(); // name -> data

  function load(name) {
    if (!asked.has(name)) {
      asked.set(name, new Promise((resolve, reject) => {
        const script = document.createElement("script");
        script.src = `${document.body.dataset.root}instruments/idex/windows/${name}.js`;
        script.onload = () => { script.remove(); resolve(found.get(name)); };
        script.onerror = () => { script.remove(); asked.delete(name); reject(new Error(`${script.src} cannot be loaded`)); };
        document.head.append(script);
      }));
    }
    return asked.get(name);
  }

  /** Seconds in the unit people think in. */
  function hours(seconds) {
    return seconds === null ? "not known" : `${Number((seconds / 3600).toPrecision(4))} h`;
  }

  window.pinakesWindows = { set(data) { found.set(data.name, data); }, load, hours };
})();
