// One time-of-flight record from the three gains, in mA, as the analysis makes it: archive/instruments/idex/analysis and
// archive/numerics/gains.py (IDEX science definition, sections 5, 6 and 8). A test compares the two, sample by sample.
"use strict";

(function () {
  const GAINS = ["TOF High", "TOF Mid", "TOF Low"];
  const MASKED = -1;
  const SATURATED = 0.95; // of full scale
  const WIDEN = 2; // samples beside saturated ones
  const START = 3; // us of the record that noise is taken from
  const CUT = 4; // robust sigma beyond which a sample is none of the noise
  const ROBUST = 1.4826;
  const RECOVERY = 0.5; // us for which a gain may undershoot after saturation
  const RECOVERY_SIGMA = 5;
  const RATIO_RANGE = 0.2;

  /** Median of numbers; `values` is sorted in place. */
  function median(values) {
    if (!values.length) return NaN;
    values.sort();
    const half = values.length >> 1;
    return values.length % 2 ? values[half] : 0.5 * (values[half - 1] + values[half]);
  }

  /** Level and noise of the first 3 us of `y` without outliers; `least` is the noise of rounding. */
  function levels(y, t0, dt, least) {
    const used = Math.min(y.length, Math.trunc(START / dt) + 2);
    let early = 0;
    while (early < used && t0 + early * dt < t0 + START) early += 1;
    const baseline = median(Float64Array.from(y.subarray(0, early)));
    let sigma = ROBUST * median(Float64Array.from(y.subarray(0, early), (value) => Math.abs(value - baseline)));
    if (!(sigma > 0)) sigma = deviation(y.subarray(0, early), 0);
    const kept = y.subarray(0, used).filter((value) => Math.abs(value - baseline) <= CUT * Math.max(sigma || 0, least));
    const spread = deviation(kept, 1);
    // The median of whole numbers is a whole number or a half: what is fitted stands on the mean.
    const base = kept.length > 1 ? kept.reduce((sum, value) => sum + value, 0) / kept.length : baseline;
    return { baseline: base, sigma, noise: kept.length > 1 ? Math.max(spread, least) : NaN };
  }

  function deviation(values, less) {
    if (values.length <= less) return NaN;
    let mean = 0;
    for (const value of values) mean += value;
    mean /= values.length;
    let sum = 0;
    for (const value of values) sum += (value - mean) ** 2;
    return Math.sqrt(sum / (values.length - less));
  }

  /**
   * A channel in physical units: signal, baseline taken off or not, mask, noise; null when it was not received. `baseline`
   * is what an analyst says it is, if one does.
   */
  function convert(channel, factor, subtract, baseline) {
    if (!channel || !channel.samples || !channel.samples.length || !factor) return null;
    const n = channel.samples.length;
    const y = new Float64Array(n);
    const mask = new Uint8Array(n);
    const limit = SATURATED * channel.fullScale;
    for (let i = 0; i < n; i++) {
      y[i] = channel.samples[i] * factor;
      if (channel.samples[i] < limit) continue;
      for (let k = Math.max(0, i - WIDEN); k <= Math.min(n - 1, i + WIDEN); k++) mask[k] = 1;
    }
    const level = levels(y, channel.t0, channel.dt, factor / Math.sqrt(12));
    if (typeof baseline === "number") level.baseline = baseline;
    if (subtract) for (let i = 0; i < n; i++) y[i] -= level.baseline;
    return { name: channel.name, y, mask, factor, t0: channel.t0, dt: channel.dt, ...level };
  }

  /**
   * The merged record of up to three gains, most sensitive first; `fitted` are the ratios of each gain to the one before
   * (null where none was fitted). Returns null when no gain was received.
   */
  function merge(gains, fitted) {
    const there = gains.find(Boolean);
    if (!there) return null;
    const n = Math.max(...gains.filter(Boolean).map((gain) => gain.y.length));
    const signal = new Float64Array(n).fill(NaN);
    const sigma = new Float64Array(n).fill(NaN);
    const source = new Int8Array(n).fill(MASKED);
    const ratios = [1];
    const upper = scaled(gains[0], 1, n);
    for (let i = 0; i < n; i++) {
      signal[i] = upper.y[i];
      if (!Number.isNaN(upper.y[i])) sigma[i] = upper.noise;
      if (!upper.masked[i]) source[i] = 0;
    }
    let above = upper;
    for (let level = 1; level < gains.length; level++) {
      const known = fitted[level - 1];
      const good = typeof known === "number" && Math.abs(known - 1) <= RATIO_RANGE;
      ratios.push(ratios[level - 1] * (good ? known : 1));
      const below = scaled(gains[level], ratios[level], n);
      choose(above, below, Math.round(RECOVERY / there.dt), level, signal, sigma, source);
      above = below;
    }
    return { signal, sigma, source, ratios, t0: there.t0, dt: there.dt, gains };
  }

  /** A gain brought to the first one's scale, with what cannot be used of it; a missing one cannot be used at all. */
  function scaled(gain, ratio, n) {
    const y = new Float64Array(n).fill(NaN);
    const masked = new Uint8Array(n).fill(1);
    if (!gain) return { y, masked, noise: NaN };
    for (let i = 0; i < gain.y.length; i++) {
      y[i] = gain.y[i] * ratio;
      masked[i] = gain.mask[i];
    }
    return { y, masked, noise: gain.noise * ratio };
  }

  /** Take from the lower gain what the upper one does not give: masked samples, and those of its recovery. */
  function choose(above, below, recovery, level, signal, sigma, source) {
    let since = recovery + 1; // samples since the mask of the upper gain ended
    for (let i = 0; i < signal.length; i++) {
      since = above.masked[i] ? 0 : since + 1;
      const open = !below.masked[i];
      const missing = source[i] === MASKED;
      const undershoots = since > 0 && since <= recovery && Math.abs(above.y[i] - below.y[i]) > RECOVERY_SIGMA * below.noise;
      if (since > 0 && !undershoots && !missing) since = recovery + 1;
      if (open && (missing || (undershoots && source[i] === level - 1))) {
        signal[i] = below.y[i];
        sigma[i] = below.noise;
        source[i] = level;
      }
    }
  }

  /** Runs of samples from one gain: [first, last, source]. */
  function runs(source) {
    const found = [];
    for (let i = 0; i < source.length; i++) {
      const last = found[found.length - 1];
      if (last && last[2] === source[i]) last[1] = i;
      else found.push([i, i, source[i]]);
    }
    return found;
  }

  window.pinakesIdexMerge = { GAINS, MASKED, convert, merge, runs, median, deviation };
})();
