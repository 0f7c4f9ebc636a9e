// The functions that IDEX fits are made of, evaluated in the browser from their stored parameters: the exponentially
// modified Gaussian of a mass line, the charge pulse, the mass scale and the curves of speed and charge yield. The same
// formulas as in archive/numerics (IDEX science definition, sections 9, 12, 13 and 15); a test compares the two.
"use strict";

(function () {
  // (x + 2.5) erfcx(x) as a polynomial in (x - 2.5)/(x + 2.5), lowest power first: the one of archive/numerics/special.py.
  const ERFCX = [
    1.0540318203057186, -0.8046518494391484, 0.45391411664801395, -0.17125114524614915, 0.02836155013534292,
    0.008393044304837161, -0.00481878558076498, -0.0004392082999256441, 0.0007026942356099157, 5.830806317625265e-05,
    -0.00011260751608988695, -1.95333712906929e-05, 1.8253319871987638e-05, 6.757455108692547e-06,
    -2.3520124262580897e-06, -1.9681750084527887e-06, 2.3188565772906474e-08, 4.541518432449642e-07,
    1.0937601096957992e-07, -7.399159137503344e-08, -3.4672368345290174e-08, 6.322027276634109e-09,
    4.34639375268595e-09,
  ];
  const ROOT_HALF = Math.SQRT1_2;

  /** exp(x²) erfc(x) for x >= 0; it never overflows. */
  function erfcx(x) {
    const scale = 1 / (x + 2.5);
    const s = (x - 2.5) * scale;
    let p = ERFCX[22];
    for (let k = 21; k >= 0; k--) p = p * s + ERFCX[k];
    return p * scale;
  }

  // ---- mass lines (section 9) -------------------------------------------------------------------------------------

  /** EMG of unit area, 1/us. Two branches, each without overflow: erfcx left of the tail, exp and erfcx along it. */
  function density(t, mu, sigma, lambda) {
    const u = (t - mu) / sigma;
    const a = lambda * sigma;
    const z = (a - u) * ROOT_HALF;
    const near = 0.5 * lambda * Math.exp(-0.5 * u * u) * erfcx(Math.abs(z));
    return z < 0 ? lambda * Math.exp(Math.min(0, a * (0.5 * a - u))) - near : near;
  }

  /** A line at one time, mA; `values` are area, mu, sigma, lambda. */
  function emg(t, values) {
    return values[0] * density(t, values[1], values[2], values[3]);
  }

  function normalCdf(x) {
    const half = 0.5 * Math.exp(-0.5 * x * x) * erfcx(Math.abs(x) * ROOT_HALF);
    return x < 0 ? half : 1 - half;
  }

  /** Area of a line before a time, mA us. */
  function emgCumulative(t, [area, mu, sigma, lambda]) {
    return area * Math.min(1, Math.max(0, normalCdf((t - mu) / sigma) - density(t, mu, sigma, lambda) / lambda));
  }

  function emgArea(begin, end, values) {
    return emgCumulative(end, values) - emgCumulative(begin, values);
  }

  /** Time of the maximum: where the EMG crosses the normal density, erfcx(z) = sqrt(2/pi)/(lambda sigma). */
  function emgMode([, mu, sigma, lambda]) {
    const a = lambda * sigma;
    if (a > 1e4) return mu + (1 - 1 / (a * a)) / lambda;
    const target = Math.log(Math.sqrt(2 / Math.PI) / a);
    let z = a > 1 ? a * ROOT_HALF : -Math.sqrt(Math.max(0, target - Math.LN2));
    for (let round = 0; round < 60; round++) {
      let step;
      if (z < -25) step = (z * z + Math.LN2 - target) / (2 * z);
      else {
        const value = z >= 0 ? erfcx(z) : 2 * Math.exp(z * z) - erfcx(-z);
        step = (Math.log(value) - target) / (2 * z - 2 / (Math.sqrt(Math.PI) * value));
      }
      z -= step;
      if (Math.abs(step) < 1e-15 * (1 + Math.abs(z))) break;
    }
    return mu + sigma * (a - z / ROOT_HALF);
  }

  // ---- charge pulses (section 12) ---------------------------------------------------------------------------------

  /** A pulse at one time, pC; `values` are t0, C0, A, tau_r, tau_d. Before t0 the exponentials would overflow. */
  function pulse(t, values) {
    if (values.length === 7) return imagePulse(t, values);
    const [t0, offset, amplitude, rise, discharge] = values;
    const since = Math.max(t - t0, 0);
    return offset - amplitude * Math.expm1(-since / rise) * Math.exp(-since / discharge);
  }

  /** A pulse with image charge; `values` are t0, C0, C1, C2, tau0, tau1, tau2. */
  function imagePulse(t, [t0, offset, image, impact, tau0, tau1, tau2]) {
    if (!(t > t0)) return offset;
    const since = t - t0;
    return offset - image * (Math.exp(-since / tau0) + 1) - impact * Math.expm1(-since / tau1) * Math.exp(-since / tau2);
  }

  /** Q/|A|. */
  function chargeFactor(rise, discharge) {
    const ratio = rise / discharge;
    return ratio > 0 ? Math.exp(-Math.log1p(ratio) + ratio * (Math.log(ratio) - Math.log1p(ratio))) : NaN;
  }

  const impactCharge = ([, , amplitude, rise, discharge]) => Math.abs(amplitude) * chargeFactor(rise, discharge);
  const timeOfMaximum = ([t0, , , rise, discharge]) => t0 + rise * Math.log1p(discharge / rise);
  /** Whether values are those of a pulse: of five parameters, or of seven with image charge. */
  const isPulse = (values) => Boolean(values) && [5, 7].includes(values.length) && values.every(Number.isFinite) && values.slice(values.length === 5 ? 3 : 4).every((time) => time > 0);

  /** When the pulse reaches `fraction` of its height, us from the trigger: bisection below the maximum. */
  function crossing(values, fraction) {
    const [t0, , , rise, discharge] = values;
    const grown = (x) => -Math.expm1(-x / rise) * Math.exp(-x / discharge);
    let low = 0;
    let high = rise * Math.log1p(discharge / rise);
    const level = fraction * grown(high);
    for (let round = 0; round < 100 && high - low > 1e-15 * high; round++) {
      const middle = 0.5 * (low + high);
      if (grown(middle) > level) high = middle;
      else low = middle;
    }
    return t0 + 0.5 * (low + high);
  }

  // ---- mass scale (section 15) ------------------------------------------------------------------------------------

  const MOST_MASS = 400;

  /** Time of flight, us from the first sample, of a mass, u; coefficients t0, a1, ... */
  function flightTime(coefficients, mass) {
    const s = Math.sqrt(mass);
    let value = 0;
    for (let k = coefficients.length - 1; k >= 0; k--) value = value * s + coefficients[k];
    return value;
  }

  /** Mass, u, of a time of flight: bisection in the root of the mass, to rounding; 0 before t0, 400 beyond. */
  function massOf(time, coefficients) {
    if (!(time > coefficients[0])) return Number.isNaN(time) ? NaN : 0;
    if (time >= flightTime(coefficients, MOST_MASS)) return MOST_MASS;
    let low = 0;
    let high = Math.sqrt(MOST_MASS);
    for (let round = 0; round < 70; round++) {
      const middle = 0.5 * (low + high);
      if (flightTime(coefficients, middle * middle) > time) high = middle;
      else low = middle;
    }
    const s = 0.5 * (low + high);
    return s * s;
  }

  // ---- speed and mass of the particle (section 13) ----------------------------------------------------------------

  /** ln(1 + e^x) without overflow. */
  const softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

  /** A calibration curve (smooth triple power law) at a speed, km/s. */
  function curve(speed, law) {
    if (!(speed > 0)) return NaN;
    const x = Math.log(speed);
    const first = (softplus(law.k * (x - Math.log(law.vb))) * (law.a2 - law.a1)) / law.k;
    const second = (softplus(law.k * (x - Math.log(law.vc))) * (law.a3 - law.a2)) / law.k;
    return Math.exp(law.log10_a * Math.LN10 + law.a1 * x + first + second);
  }

  /** d ln y/d ln v of a curve. */
  function slope(speed, law) {
    const step = (v) => 1 / (1 + Math.pow(v / speed, law.k));
    return law.a1 + (law.a2 - law.a1) * step(law.vb) + (law.a3 - law.a2) * step(law.vc);
  }

  /** Speed, km/s, whose rise time tau_r is `rise`, us; NaN outside `least` to `most` km/s. The curve falls everywhere. */
  function speedFromRise(rise, law, least = 0.1, most = 100) {
    if (!(rise > 0) || rise > curve(least, law) || rise < curve(most, law)) return NaN;
    let low = Math.log10(least);
    let high = Math.log10(most);
    for (let round = 0; round < 60; round++) {
      const middle = 0.5 * (low + high);
      if (curve(Math.pow(10, middle), law) > rise) low = middle;
      else high = middle;
    }
    return Math.pow(10, 0.5 * (low + high));
  }

  /** Speed, km/s, by the charge ratio of ion grid and target, a fraction of 0.01 to 1. */
  function speedFromRatio(ratio, law) {
    return ratio >= 0.01 && ratio <= 1 ? law.scale * Math.pow(100 * ratio, law.exponent) + law.offset : NaN;
  }

  /** Mass, kg, of a charge, pC. */
  const particleMass = (charge, speed, law) => (charge > 0 ? (charge * 1e-12) / curve(speed, law) : NaN);

  window.pinakesIdexModels = {
    erfcx, density, emg, emgCumulative, emgArea, emgMode,
    pulse, impactCharge, timeOfMaximum, isPulse, crossing, flightTime, massOf, MOST_MASS,
    curve, slope, speedFromRise, speedFromRatio, particleMass,
  };
})();
