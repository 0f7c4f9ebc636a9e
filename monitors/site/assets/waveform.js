// Waveform arithmetic: samples from text, and curves with no more points than the screen can show.
"use strict";

(function () {
  const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const VALUE = new Uint8Array(128);
  for (let i = 0; i < 64; i++) VALUE[DIGITS.charCodeAt(i)] = i;

  /** Samples of a record written by monitors/site/waveform_text.py: two or three digits a sample. */
  function decode(digits, text) {
    const n = text.length / digits;
    const samples = new Int16Array(n);
    for (let i = 0, at = 0; i < n; i++, at += digits) {
      let code = (VALUE[text.charCodeAt(at)] << 6) | VALUE[text.charCodeAt(at + 1)];
      if (digits === 3) code = ((code << 6) | VALUE[text.charCodeAt(at + 2)]) - 32768;
      samples[i] = code;
    }
    return samples;
  }

  /**
   * Indexes of the samples to draw between `from` and `to` (inclusive): all of them when they are few, otherwise the
   * least and the greatest of each of `buckets` equal parts, in their own order. No peak is ever lost.
   */
  function extremes(samples, from, to, buckets) {
    const n = to - from + 1;
    const found = [];
    if (n <= 2 * buckets) {
      for (let i = from; i <= to; i++) found.push(i);
      return found;
    }
    for (let b = 0; b < buckets; b++) {
      const start = from + Math.floor((b * n) / buckets);
      const stop = from + Math.floor(((b + 1) * n) / buckets);
      let low = start;
      let high = start;
      for (let i = start + 1; i < stop; i++) {
        if (samples[i] < samples[low]) low = i;
        if (samples[i] > samples[high]) high = i;
      }
      found.push(Math.min(low, high));
      if (low !== high) found.push(Math.max(low, high));
    }
    return found;
  }

  /** Runs of samples at or above `level`, as [first, last] index pairs; runs less than `join` samples apart are one. */
  function runsAbove(samples, level, join) {
    const runs = [];
    for (let i = 0; i < samples.length; i++) {
      if (samples[i] < level) continue;
      const last = runs[runs.length - 1];
      if (last && i - last[1] <= join) last[1] = i;
      else runs.push([i, i]);
    }
    return runs;
  }

  window.pinakesWaveform = { decode, extremes, runsAbove };
})();
