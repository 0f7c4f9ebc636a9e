// Speed and mass of a particle from charge and rise time, or from the charge ratio, with the calibration of the archive
// (IDEX science definition, section 13).
"use strict";

(function () {
  const { speedFromRise, speedFromRatio, particleMass, curve, slope } = window.pinakesIdexModels;
  const words = window.pinakesIdexWords;
  const { make, placeOf } = window.pinakesIdexTables;
  const element = (id) => document.getElementById(id);
  const INPUTS = ["charge", "rise", "ratio", "source", "curves", "least", "most"];

  /** Speed and mass with the 68 % limits that the calibration alone leaves; NaN where there is none. */
  function estimate(given, laws) {
    const byRise = given.source === "rise";
    const speed = byRise ? speedFromRise(given.rise, laws.rise_time, given.least, given.most) : speedFromRatio(given.ratio / 100, laws.charge_ratio);
    const inside = speed >= given.least && speed <= given.most ? speed : NaN;
    const mass = particleMass(given.charge, inside, laws.charge_yield);
    const factor = byRise ? laws.rise_time.error_factor : NaN;
    const spread = Math.hypot(Math.log(laws.charge_yield.error_factor), slope(inside, laws.charge_yield) * Math.log(factor));
    return { speed: inside, low: inside / factor, high: inside * factor, mass, least: mass * Math.exp(-spread), most: mass * Math.exp(spread), perKilogram: curve(inside, laws.charge_yield) };
  }

  function create(viewer) {
    const versions = viewer.known.calibrations.particle_curves || {};
    const box = (name) => element(`idex-calc-${name}`);
    const newest = Object.keys(versions).sort((a, b) => b - a);
    box("curves").replaceChildren(...newest.map((version) => Object.assign(make("option", `version ${version}`), { value: version })));

    function show(state) {
      if (state.none) return;
      const { particle } = state.now;
      const pulse = state.pulses[particle.channel] || {};
      const put = (name, value) => { box(name).value = words.known(value) ? Number(value.toPrecision(6)) : ""; };
      put("charge", particle.charge);
      put("rise", pulse.values && pulse.values[placeOf(pulse, "rise_time")]);
      put("ratio", words.known(particle.ratio) ? 100 * particle.ratio : null);
      box("source").value = particle.speed_source === "charge_ratio" ? "ratio" : "rise";
      if (versions[state.now.calibrations.particle_curves]) box("curves").value = String(state.now.calibrations.particle_curves);
      tell();
    }

    function tell() {
      const laws = versions[box("curves").value];
      const result = box("result");
      if (!laws) {
        result.replaceChildren(make("p", "The archive holds no calibration of speed and charge yield.", "muted"));
        return;
      }
      const given = Object.fromEntries(INPUTS.map((name) => [name, ["source", "curves"].includes(name) ? box(name).value : box(name).value === "" ? NaN : Number(box(name).value)]));
      const found = estimate(given, laws);
      const rows = [
        ["Speed", words.known(found.speed) ? `${words.number(found.speed, 4)} km/s` : "none: outside the calibration or the limits"],
        ["68 % by the calibration", words.known(found.low) ? words.range(found.low, found.high, "km/s") : words.NOTHING],
        ["Charge yield", words.known(found.perKilogram) ? `${words.number(found.perKilogram, 4)} C/kg` : words.NOTHING],
        ["Mass", words.known(found.mass) ? `${words.number(found.mass, 4)} kg` : words.NOTHING],
        ["68 % by the calibration", words.known(found.least) ? words.range(found.least, found.most, "kg") : words.NOTHING],
      ];
      result.replaceChildren(...rows.map(([label, value]) => {
        const row = make("div");
        row.append(make("dt", label), make("dd", value));
        return row;
      }));
    }

    for (const name of INPUTS) box(name).addEventListener("input", tell);
    return { show };
  }

  window.pinakesIdexCalculator = { create, estimate };
})();
