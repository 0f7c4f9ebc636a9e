// How numbers, ions and states of the IDEX analysis become text: with their errors and units, and a dash where there is
// nothing. What is missing is never shown as zero, nor as a fit that failed.
"use strict";

(function () {
  const NOTHING = "–";
  const SUPER = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };
  const ICONS = { ok: "✓", info: "●", warning: "▲", error: "✕", unknown: "○" };
  /** Words that say why there is nothing; none of them is a fault of a fit. */
  const ABSENT = new Set(["missing", "missing_channels", "no_data", "no_record", "no_lines", "not_science", "no_signal", "too_few", "nonfinite", "no_charge", "no_calibration", "no_curves", "no_scale", "no_sensitivity", "no_baseline_window", "missing_element"]);
  /** Words that qualify without taking anything away. */
  const REMARKS = new Set(["override", "overlap", "anchored", "lambda_undetermined", "not_unique", "rsf_partial", "weak"]);

  const known = (value) => typeof value === "number" && Number.isFinite(value);
  const raised = (n) => Array.from(String(n), (c) => SUPER[c]).join("");

  /** A number with so many significant digits; powers of ten where it is very large or small. */
  function number(value, digits = 4) {
    if (!known(value)) return NOTHING;
    if (value === 0) return "0";
    const size = Math.abs(value);
    if (size >= 1e-3 && size < 1e5) return minus(Number(value.toPrecision(digits)) === Math.round(value) && size < 1e4 && Number.isInteger(value) ? String(value) : trimmed(value, digits));
    const [mantissa, power] = value.toExponential(Math.max(0, digits - 1)).split("e");
    return minus(`${mantissa}×10`) + raised(Number(power));
  }

  function trimmed(value, digits) {
    const places = Math.max(0, digits - 1 - Math.floor(Math.log10(Math.abs(value))));
    return value.toFixed(Math.min(12, places));
  }

  const minus = (text) => text.replace(/^-/, "−");

  /** Value and error as 1.234(56): the digits in brackets are the error of the last digits. Without error no brackets. */
  function concise(value, error) {
    if (!known(value)) return NOTHING;
    if (!known(error) || !(error > 0)) return number(value, 5);
    if (error > 10 * Math.abs(value)) return `${number(value, 2)} ± ${number(error, 2)}`;
    const power = Math.floor(Math.log10(Math.max(Math.abs(value), error)));
    if (power < -3 || power >= 5) return `${concise(value / 10 ** power, error / 10 ** power)}×10${raised(power)}`;
    let places = 1 - Math.floor(Math.log10(error));
    if (Math.round(error * 10 ** places) >= 100) places -= 1;
    if (places < 0) return minus(`${Math.round(value)}(${Math.round(error)})`);
    const shown = error >= 1 ? error.toFixed(Math.min(12, places)) : String(Math.round(error * 10 ** places));
    return minus(`${value.toFixed(Math.min(12, places))}(${shown})`);
  }

  /** Value ± error with unit. */
  function plusMinus(value, error, unit) {
    if (!known(value)) return NOTHING;
    if (!known(error) || !(error > 0)) return `${number(value)} ${unit}`;
    const power = Math.floor(Math.log10(Math.max(Math.abs(value), error)));
    if (power < -3 || power >= 5) {
      const by = 10 ** power;
      return `(${plusMinus(value / by, error / by, "").trim()})×10${raised(power)} ${unit}`;
    }
    const places = Math.max(0, 1 - Math.floor(Math.log10(error)));
    return minus(`${value.toFixed(Math.min(12, places))} ± ${error.toFixed(Math.min(12, places))} ${unit}`);
  }

  /** Low to high in one power of ten. */
  function range(low, high, unit) {
    if (!known(low) || !known(high)) return "no range";
    const power = high > 0 ? Math.floor(Math.log10(high)) : 0;
    if (power >= -3 && power < 5) return `${number(low, 3)} to ${number(high, 3)} ${unit}`;
    return `(${number(low / 10 ** power, 3)} to ${number(high / 10 ** power, 3)})×10${raised(power)} ${unit}`;
  }

  const percent = (value) => (known(value) ? `${(100 * value).toFixed(Math.abs(value) < 0.0995 ? 2 : 1)}` : NOTHING);

  /** An ion as a chemist writes it: 24Mg as ²⁴Mg, C2H5 as C₂H₅. */
  function ion(name) {
    if (!name) return "";
    return name.replace(/^\d+/, (digits) => raised(digits)).replace(/\d/g, (d) => String.fromCharCode(0x2080 + Number(d)));
  }

  /** The gravest of the words of a status. */
  function severity(words) {
    if (words.every((word) => word === "ok")) return "ok";
    if (words.some((word) => !ABSENT.has(word) && !REMARKS.has(word) && word !== "ok")) return "warning";
    return words.some((word) => ABSENT.has(word)) ? "unknown" : "info";
  }

  let sentences = {};

  const sentence = (word) => sentences[word] || word.replaceAll("_", " ");

  /** A status as icon and words; each word says on hover what it means. `reason` is the sentence of all. */
  function state(status, reason) {
    const words = String(status || "").split(" ").filter(Boolean);
    const node = document.createElement("span");
    if (!words.length) {
      node.textContent = NOTHING;
      return node;
    }
    const kind = severity(words);
    node.className = `state ${kind}`;
    const icon = document.createElement("span");
    icon.className = "icon";
    icon.setAttribute("aria-hidden", "true");
    icon.textContent = ICONS[kind];
    node.append(icon, ` ${words.map((word) => word.replaceAll("_", " ")).join(", ")}`);
    node.title = reason || words.map(sentence).join("; ");
    return node;
  }

  /** A status in full: icon, words, and the sentences below them. */
  function explained(status, reason) {
    const box = document.createElement("div");
    box.className = "idex-status";
    box.append(state(status, reason));
    const words = String(status || "").split(" ").filter((word) => word && word !== "ok");
    if (words.length) {
      const text = document.createElement("span");
      text.className = "muted";
      const told = reason || words.map(sentence).join("; ");
      text.textContent = ` ${told.charAt(0).toUpperCase()}${told.slice(1)}.`;
      box.append(text);
    }
    return box;
  }

  const channelName = (name) => (name ? name.replaceAll("_", " ") : NOTHING);

  window.pinakesIdexWords = {
    NOTHING, known, number, concise, plusMinus, range, percent, ion, state, explained, sentence, channelName, raised,
    learn(found) { sentences = found; },
  };
})();
