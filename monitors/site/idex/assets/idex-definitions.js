// The calculator of raw counts: a polynomial, and whether the count lies in its range.
"use strict";

(function () {
  const readings = JSON.parse(document.getElementById("readings").textContent);
  const element = (id) => document.getElementById(id);
  if (!readings.length) return;

  function whole(text) {
    const trimmed = text.trim();
    return /^(0x[0-9a-f]+|-?\d+)$/i.test(trimmed) ? Number(trimmed) : NaN;
  }

  /** Value and class of a count: "in range", "below range", "above range", or "between ranges". */
  function convert(reading, dn) {
    const segment = reading.segments.find((one) => dn >= one.from && dn <= one.to);
    if (segment) return { value: segment.coefficients.reduceRight((sum, c) => sum * dn + c, 0), where: "in range" };
    const below = reading.segments.every((one) => dn < one.from);
    const above = reading.segments.every((one) => dn > one.to);
    return { value: null, where: below ? "below range" : above ? "above range" : "between ranges" };
  }

  function show() {
    const reading = readings[element("reading").selectedIndex];
    element("place").textContent = `${reading.word}: the count lies in bits ${reading.shift} to ${reading.shift + 11}`;
    const dn = whole(element("dn").value);
    const box = element("calculated");
    if (Number.isNaN(dn)) { box.textContent = "The count must be a whole number."; return; }
    const { value, where } = convert(reading, dn);
    const shown = value === null ? "no value" : `${Number(value.toPrecision(8))} ${reading.unit}`;
    box.textContent = `${reading.title}: ${dn} DN = ${shown}, ${where}`;
    box.dataset.value = value === null ? "" : String(value);
    box.dataset.where = where;
  }

  element("reading").append(...readings.map((reading) => new Option(`${reading.title} (${reading.unit})`, reading.name)));
  const asked = new URLSearchParams(location.hash.slice(1)).get("reading");
  if (asked) element("reading").value = asked;
  if (element("reading").selectedIndex < 0) element("reading").selectedIndex = 0;
  for (const name of ["reading", "dn"]) element(name).addEventListener("input", show);
  element("word").addEventListener("input", () => {
    const word = whole(element("word").value);
    const reading = readings[element("reading").selectedIndex];
    // Words have 32 bits: shifts of JavaScript would make the highest one a sign.
    if (word >= 0 && word < 2 ** 32) { element("dn").value = String(Math.floor(word / 2 ** reading.shift) % 4096); show(); }
  });
  show();
})();
