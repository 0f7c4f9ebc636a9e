// Noise of a record, computed from its samples: histogram with Gaussian, amplitude spectrum, Welch density,
// autocorrelation and a few numbers. The same as archive/numerics/noise.py (IDEX science definition, section 16).
"use strict";

(function () {
  const LEAST_SAMPLES = 20;
  const NORMAL_95 = 1.959963984540054;
  const ROBUST = 1.4826;
  const SEGMENT = 256;

  function mean(values) {
    let sum = 0;
    for (const value of values) sum += value;
    return sum / values.length;
  }

  /** Standard deviation about the mean, over n. */
  function spread(values, centre) {
    let sum = 0;
    for (const value of values) sum += (value - centre) ** 2;
    return Math.sqrt(sum / values.length);
  }

  // ---- Fourier transform -------------------------------------------------------------------------------------------

  /** In place, for a power of two: radix 2, sign -1. */
  function fft2(re, im) {
    const n = re.length;
    for (let i = 1, j = 0; i < n; i++) {
      let bit = n >> 1;
      for (; j & bit; bit >>= 1) j ^= bit;
      j ^= bit;
      if (i < j) {
        [re[i], re[j]] = [re[j], re[i]];
        [im[i], im[j]] = [im[j], im[i]];
      }
    }
    for (let size = 2; size <= n; size <<= 1) {
      const half = size >> 1;
      for (let k = 0; k < half; k++) {
        const angle = (-2 * Math.PI * k) / size;
        const wr = Math.cos(angle);
        const wi = Math.sin(angle);
        for (let i = k; i < n; i += size) {
          const j = i + half;
          const xr = re[j] * wr - im[j] * wi;
          const xi = re[j] * wi + im[j] * wr;
          re[j] = re[i] - xr;
          im[j] = im[i] - xi;
          re[i] += xr;
          im[i] += xi;
        }
      }
    }
  }

  const powerOfTwo = (n) => 2 ** Math.ceil(Math.log2(Math.max(1, n)));

  /**
   * Magnitudes of the transform of a real record of any length, frequencies 0 to n/2: Bluestein's algorithm
   * (L. I. Bluestein, IEEE Transactions on Audio and Electroacoustics 18 (1970) 451).
   */
  function magnitudes(values) {
    const n = values.length;
    const size = powerOfTwo(2 * n - 1);
    const cos = new Float64Array(n);
    const sin = new Float64Array(n);
    for (let i = 0; i < n; i++) {
      const angle = (Math.PI * ((i * i) % (2 * n))) / n;
      cos[i] = Math.cos(angle);
      sin[i] = Math.sin(angle);
    }
    const [ar, ai, br, bi] = [0, 1, 2, 3].map(() => new Float64Array(size));
    for (let i = 0; i < n; i++) {
      ar[i] = values[i] * cos[i];
      ai[i] = -values[i] * sin[i];
      br[i] = cos[i];
      bi[i] = sin[i];
      if (i) {
        br[size - i] = cos[i];
        bi[size - i] = sin[i];
      }
    }
    fft2(ar, ai);
    fft2(br, bi);
    for (let i = 0; i < size; i++) {
      const real = ar[i] * br[i] - ai[i] * bi[i];
      ai[i] = -(ar[i] * bi[i] + ai[i] * br[i]); // conjugated: the forward transform then goes back
      ar[i] = real;
    }
    fft2(ar, ai);
    const found = new Float64Array((n >> 1) + 1);
    for (let k = 0; k < found.length; k++) found[k] = Math.hypot(ar[k], ai[k]) / size;
    return found;
  }

  // ---- diagnostics -------------------------------------------------------------------------------------------------

  /** min(80, max(20, N/20)) equal bins, and the Gaussian of the moments at their centres. */
  function histogram(values) {
    if (!values.length) return { counts: [], edges: [], gaussian: [], peak: NaN };
    const bins = Math.min(80, Math.max(20, Math.floor(values.length / 20)));
    let low = Infinity;
    let high = -Infinity;
    for (const value of values) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
    if (low === high) [low, high] = [low - 0.5, high + 0.5];
    const width = (high - low) / bins;
    const edges = Array.from({ length: bins + 1 }, (_, i) => (i === bins ? high : low + i * width));
    const counts = new Array(bins).fill(0);
    for (const value of values) {
      let bin = Math.min(bins - 1, Math.floor(((value - low) / (high - low)) * bins));
      if (value < edges[bin]) bin -= 1;
      else if (bin < bins - 1 && value >= edges[bin + 1]) bin += 1;
      counts[bin] += 1;
    }
    const centre = mean(values);
    const sigma = spread(values, centre);
    if (!(sigma > 0)) return { counts, edges, gaussian: counts.map(() => NaN), peak: NaN };
    const peak = (values.length * (edges[1] - edges[0])) / (sigma * Math.sqrt(2 * Math.PI));
    const gaussian = counts.map((_, i) => peak * Math.exp(-0.5 * ((0.5 * (edges[i] + edges[i + 1]) - centre) / sigma) ** 2));
    return { counts, edges, gaussian, peak };
  }

  /** |rfft(y - mean)| at positive frequencies, MHz for a step in us; amplitude, not power. */
  function amplitudeSpectrum(values, step) {
    const frequency = [];
    const value = [];
    if (values.length >= LEAST_SAMPLES) {
      const centre = mean(values);
      magnitudes(Float64Array.from(values, (one) => one - centre)).forEach((size, k) => {
        if (!k || !(size > 0)) return;
        frequency.push(k / (values.length * step));
        value.push(size);
      });
    }
    return { frequency, value };
  }

  /** Power density, unit² per MHz: Hann window, half overlap, mean of each segment taken off. */
  function welch(values, step) {
    const n = Math.min(SEGMENT, values.length);
    if (values.length < LEAST_SAMPLES) return { frequency: [], value: [] };
    const taper = Float64Array.from({ length: n }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / n));
    const power = taper.reduce((sum, w) => sum + w * w, 0);
    const total = new Float64Array((n >> 1) + 1);
    const hop = n - (n >> 1);
    let segments = 0;
    for (let start = 0; start + n <= values.length; start += hop, segments++) {
      const part = values.subarray(start, start + n);
      const centre = mean(part);
      magnitudes(Float64Array.from(part, (one, i) => (one - centre) * taper[i])).forEach((size, k) => {
        const once = k === 0 || (n % 2 === 0 && k === n >> 1);
        total[k] += (size * size * step * (once ? 1 : 2)) / power;
      });
    }
    return { frequency: Array.from(total, (_, k) => k / (n * step)), value: Array.from(total, (one) => one / segments) };
  }

  /** Unbiased autocorrelation up to lag N/4 and the 95 % band of white noise. */
  function autocorrelation(values, step, most = Math.floor(values.length / 4)) {
    const n = values.length;
    if (n < LEAST_SAMPLES) return { lag: [], value: [], band: NaN };
    const centre = mean(values);
    const size = powerOfTwo(2 * n);
    const re = new Float64Array(size);
    const im = new Float64Array(size);
    for (let i = 0; i < n; i++) re[i] = values[i] - centre;
    fft2(re, im);
    for (let i = 0; i < size; i++) {
      re[i] = re[i] * re[i] + im[i] * im[i];
      im[i] = 0;
    }
    fft2(re, im);
    const lag = [];
    const value = [];
    for (let k = 0; k <= Math.min(most, n - 1); k++) {
      lag.push(k * step);
      value.push(re[0] > 0 ? (re[k] / (n - k)) / (re[0] / n) : NaN);
    }
    return { lag, value, band: NORMAL_95 / Math.sqrt(n) };
  }

  function median(values) {
    const sorted = Float64Array.from(values).sort();
    const half = sorted.length >> 1;
    return sorted.length % 2 ? sorted[half] : 0.5 * (sorted[half - 1] + sorted[half]);
  }

  /** The numbers of a record, or null with fewer than 20 samples. */
  function summary(values, step) {
    if (values.length < LEAST_SAMPLES) return null;
    const centre = mean(values);
    const sigma = spread(values, centre);
    const middle = median(values);
    return {
      samples: values.length, step, mean: centre, sigma, rms: sigma, median: middle,
      robust_sigma: ROBUST * median(Float64Array.from(values, (one) => Math.abs(one - middle))),
      gaussian_peak: histogram(values).peak,
      poisson: Math.sqrt(Math.abs(mean(Float64Array.from(values, (one) => Math.max(one, 0))))),
      lag1: autocorrelation(values, step, 1).value[1],
    };
  }

  window.pinakesIdexNoise = { LEAST_SAMPLES, histogram, amplitudeSpectrum, welch, autocorrelation, summary };
})();
