// What follows from the fits, in blocks: the answer at the top, the particle, the mass scale, the composition.
"use strict";

(function () {
  const words = window.pinakesIdexWords;
  const { known, number, plusMinus, range, percent, ion, state, explained, channelName, NOTHING } = words;
  const { make } = window.pinakesIdexTables;
  const element = (id) => document.getElementById(id);

  const SOURCES = { rise_time: "by the rise time of the pulse", charge_ratio: "by the charge ratio of ion grid and target" };

  // ---- the answer ----------------------------------------------------------------------------------------------------

  /** One value with its remarks below: [label, value, remark or node, ...]. */
  function answer(label, value, ...remarks) {
    const box = make("div");
    const text = make("dd", make("span", value, "value"));
    for (const remark of remarks.filter(Boolean)) text.append(make("span", remark, "remark"));
    box.append(make("dt", label), text);
    return box;
  }

  function showAnswer(found) {
    const { particle, spectrum, composition } = found.now;
    const list = [];
    const charge = known(particle.charge) ? plusMinus(particle.charge, particle.charge_error, "pC") : NOTHING;
    list.push(answer("Impact charge", charge, particle.channel ? channelName(particle.channel) : null, particle.status === "ok" ? null : state(particle.status, particle.reason)));
    list.push(answer("Speed", known(particle.speed) ? `${number(particle.speed, 3)} km/s` : NOTHING, known(particle.speed) ? (known(particle.speed_low) ? `68 %: ${range(particle.speed_low, particle.speed_high, "")}` : "no range") : null));
    list.push(answer("Particle mass", known(particle.mass) ? `${number(particle.mass, 3)} kg` : NOTHING, known(particle.mass) ? (known(particle.mass_low) ? `68 %: ${range(particle.mass_low, particle.mass_high, "")}` : "no range") : null));
    const named = found.lines.filter((line) => line.species).length;
    list.push(answer("Mass lines", found.lines.length ? `${found.lines.length}, ${named} named` : "none", known(spectrum.merged_snr) ? `SNR ${number(spectrum.merged_snr, 3)}` : null));
    const scale = spectrum.coefficients;
    list.push(answer("Mass scale", scale ? `${number(scale[1], 5)} µs/√u` : NOTHING, state(spectrum.status, spectrum.reason)));
    list.push(answer("Nearest material", composition.material || NOTHING, composition.material && composition.material_unique === false ? state("not_unique", words.sentence("not_unique")) : null, known(composition.forsterite) ? `Fo ${number(composition.forsterite, 3)}` : null));
    const newest = found.overrides[found.overrides.length - 1];
    list.push(answer("Analysis", found.now.origin === "override" ? "with an analyst's word" : "automatic", found.now.origin === "override" && newest ? `${newest.author}, ${newest.at.slice(0, 10)}` : null, found.now.status === "ok" ? null : state(found.now.status, found.now.reason)));
    element("idex-answer").replaceChildren(...list);
  }

  // ---- blocks --------------------------------------------------------------------------------------------------------

  /** A list of label, value and, where the automatic analysis says otherwise, its value beneath. */
  function list(rows) {
    const body = make("dl", undefined, "idex-list");
    for (const [label, value, before, title] of rows) {
      const term = make("dt", label);
      if (title) term.title = title;
      const text = make("dd", value instanceof Node ? value : String(value));
      if (before !== undefined && before !== null && before !== value) text.append(make("span", `automatic: ${before}`, "idex-before"));
      body.append(term, text);
    }
    return body;
  }

  /** Rows from the analysis that counts and the automatic one: `of(parts)` gives [label, value, title] for each. */
  function beside(found, of) {
    const now = of(found.now, found.lines);
    const old = found.original ? of(found.original.parts, found.original.lines) : null;
    return now.map(([label, value, title], i) => [label, value, old && typeof value === "string" ? old[i][1] : undefined, title]);
  }

  /** Why a value has no range. */
  function unranged(p, value) {
    if (!known(value)) return NOTHING;
    return p.speed_source === "charge_ratio" ? "not known for a speed by charge ratio" : "none: values that were set have no error";
  }

  function showParticle(found) {
    const saturated = Object.entries(found.now.channels || {}).filter(([, each]) => each.saturated).map(([name]) => channelName(name));
    const rows = beside(found, ({ particle: p }) => [
      ["Class", found.event.kind],
      ["Saturated", saturated.join(", ") || "no channel", "raw samples reach 0.95 of full scale"],
      ["Charge", known(p.charge) ? plusMinus(p.charge, p.charge_error, "pC") : NOTHING],
      ["From channel", channelName(p.channel)],
      ["Ion grid/target", known(p.ratio) ? `${number(100 * p.ratio, 3)} %` : NOTHING, "charge of the ion grid over that of the target"],
      ["Speed", known(p.speed) ? `${number(p.speed, 3)} km/s` : NOTHING],
      ["68 % range", known(p.speed_low) ? range(p.speed_low, p.speed_high, "km/s") : unranged(p, p.speed)],
      ["Speed is", SOURCES[p.speed_source] || NOTHING],
      ["Speed by ratio", known(p.ratio_speed) ? `${number(p.ratio_speed, 3)} km/s` : NOTHING, "above a ratio of about 5 % it tells nothing"],
      ["Mass", known(p.mass) ? `${number(p.mass, 3)} kg` : NOTHING],
      ["68 % range", known(p.mass_low) ? range(p.mass_low, p.mass_high, "kg") : unranged(p, p.mass)],
    ]);
    element("idex-particle").replaceChildren(list(rows), explained(found.now.particle.status, found.now.particle.reason));
  }

  function showScale(found) {
    const formula = (a) => (a ? a.map((value, k) => `${k ? (value < 0 ? " − " : " + ") : ""}${number(k ? Math.abs(value) : value, 6)}${k ? (k === 1 ? " √m" : ` √m${words.raised(k)}`) : ""}`).join("") : NOTHING);
    const rows = beside(found, ({ spectrum: s }) => [
      ["Stretch a₁", s.coefficients ? `${number(s.coefficients[1], 6)} µs/√u` : NOTHING],
      ["Shift t₀", s.coefficients ? `${number(s.coefficients[0], 6)} µs` : NOTHING, "from the first sample of the record"],
      ["Time of flight", formula(s.coefficients), "µs from the first sample; m in u"],
      ["First sample", known(s.origin) ? `${number(s.origin, 5)} µs from the trigger` : NOTHING],
      ["Lines matched", `${s.matched} of ${s.lines}`],
      ["RMS residual", known(s.rms) ? `${number(1000 * s.rms, 3)} ns` : NOTHING],
      ["Score, rival", known(s.score) ? `${number(s.score, 3)}, ${number(s.rival, 3)}` : NOTHING, "how well the lines lie on reference masses, and the best score of another stretch"],
      ["κ, κ rms, |κ|", known(s.kappa) ? `${number(s.kappa, 2)}, ${number(s.kappa_rms, 2)}, ${number(s.kappa_abs, 2)} u` : NOTHING, "mass less whole number: signed mean, root mean square, mean of absolute values"],
      ["High/Mid, Mid/Low", `${number(s.ratio_mid, 4)}, ${number(s.ratio_low, 4)}`, "fitted ratios of the gains; a dash where too few samples speak"],
    ]);
    element("idex-scale").replaceChildren(list(rows), explained(found.now.spectrum.status, found.now.spectrum.reason));
  }

  function showComposition(found) {
    const c = found.now.composition;
    const rows = beside(found, ({ composition: x }) => [
      ["Nearest material", x.material ? `${x.material}${x.material_origin === "override" ? ", as an analyst says" : x.material_unique === false ? ", not unique" : ""}` : NOTHING],
      ["Sensitivity factors", x.sensitivity || "none"],
      ["Mg : Si : Fe", known(x.mg_fraction) ? `${percent(x.mg_fraction)} : ${percent(x.si_fraction)} : ${percent(x.fe_fraction)} %` : NOTHING, "atoms, after division by the sensitivity factors"],
      ["Areas Mg, Si, Fe", `${number(x.mg_area, 3)}, ${number(x.si_area, 3)}, ${number(x.fe_area, 3)} mA µs`, "sums over isotopes; a dash where no line is named so"],
      ["Forsterite number", known(x.forsterite) ? number(x.forsterite, 3) : NOTHING, "100 Mg/(Mg + Fe), atoms"],
    ]);
    const box = element("idex-composition");
    box.replaceChildren(list(rows), explained(c.status, c.reason));
    const elements = Object.entries(c.elements || {}).sort((a, b) => b[1] - a[1]);
    element("idex-elements").replaceChildren(...(elements.length ? [bars(elements)] : [make("p", "No line is named, so that there are no elements.", "muted")]));
    element("idex-ternary").replaceChildren(ternary(c));
    showMaterials(c);
  }

  /** Atomic fractions as bars. */
  function bars(elements) {
    const table = make("table", undefined, "idex-bars");
    const body = table.createTBody();
    for (const [name, share] of elements) {
      const row = body.insertRow();
      const bar = make("span", undefined, "bar");
      const inner = make("span");
      inner.style.width = `${Math.min(100, (100 * share) / elements[0][1])}%`;
      bar.append(inner);
      row.append(make("th", name), make("td", bar), make("td", `${percent(share)} %`, "number"));
    }
    return table;
  }

  const SVG = "http://www.w3.org/2000/svg";

  function draw(tag, attributes, text) {
    const node = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    if (text) node.textContent = text;
    return node;
  }

  /** Mg-Si-Fe diagram with the lines of olivine and orthopyroxene (IDEX science definition, section 17.4). */
  function ternary(c) {
    const side = 150;
    const height = (side * Math.sqrt(3)) / 2;
    const at = (mg, si, fe) => {
      const sum = mg + si + fe;
      return [22 + (side * (si + fe / 2)) / sum, 14 + height - (height * fe) / sum];
    };
    const picture = draw("svg", { viewBox: `0 0 ${side + 44} ${height + 34}`, class: "idex-ternary", role: "img", "aria-label": "Ternary diagram of magnesium, silicon and iron" });
    picture.append(draw("polygon", { points: [at(1, 0, 0), at(0, 1, 0), at(0, 0, 1)].join(" "), class: "frame" }));
    for (const [from, to, name] of [[[2, 1, 0], [0, 1, 2], "olivine"], [[1, 1, 0], [0, 1, 1], "orthopyroxene"]]) {
      const [x1, y1] = at(...from);
      const [x2, y2] = at(...to);
      const line = draw("line", { x1, y1, x2, y2, class: "guide" });
      line.append(draw("title", {}, name));
      picture.append(line);
    }
    for (const [place, name, dx, dy] of [[[1, 0, 0], "Mg", -13, 12], [[0, 1, 0], "Si", 12, 12], [[0, 0, 1], "Fe", 0, -4], [[2, 1, 0], "Fo", 0, 12], [[1, 1, 0], "En", 0, 12]]) {
      const [x, y] = at(...place);
      picture.append(draw("text", { x: x + dx, y: y + dy, "text-anchor": "middle" }, name));
    }
    if (known(c.ternary_x) && known(c.ternary_y)) {
      const point = draw("circle", { cx: 22 + side * c.ternary_x, cy: 14 + height - side * c.ternary_y, r: 4.5, class: "point" });
      point.append(draw("title", {}, `Mg ${percent(c.mg_fraction)} %, Si ${percent(c.si_fraction)} %, Fe ${percent(c.fe_fraction)} %`));
      picture.append(point);
    } else {
      picture.append(draw("text", { x: 22 + side / 2, y: 14 + height * 0.72, "text-anchor": "middle", class: "absent" }, "no point"));
    }
    return picture;
  }

  function showMaterials(c) {
    const box = element("idex-materials");
    const materials = c.materials || [];
    if (!materials.length) {
      box.replaceChildren(make("p", "No line is named, so that no material is ranked.", "muted"));
      return;
    }
    const table = make("table", undefined, "data");
    const head = table.createTHead().insertRow();
    for (const [label, kind, title] of [["Material", "", ""], ["Score", "number", "elements found: coverage and balance"], ["Atoms", "number", "cosine similarity of atomic fractions with the formula"], ["", "", ""]]) head.append(Object.assign(make("th", label, kind), { title }));
    const body = table.createTBody();
    for (const each of materials) {
      const row = body.insertRow();
      row.append(make("td", each.material), make("td", number(each.score, 2), "number"), make("td", number(each.similarity, 2), "number"));
      row.append(make("td", each.unique ? "" : state("not_unique", "other materials have the same elements and fit equally well")));
    }
    box.replaceChildren(table);
    const best = (c.mixtures || [])[0];
    if (best) box.append(make("p", `Best mixture of two: ${best.materials.join(" and ")} (${percent(best.share)} % of the first), score ${number(best.score, 2)}.`, "muted"));
    const isotopes = (c.isotopes || []).filter((each) => known(each.measured));
    if (isotopes.length) {
      box.append(make("p", `Isotopes: ${isotopes.map((each) => `${ion(each.isotope)}/${ion(each.reference)} ${number(each.measured, 2)} (natural ${number(each.natural, 2)}${known(each.deviation) ? `, ${each.deviation > 0 ? "+" : "−"}${number(Math.abs(each.deviation), 2)} σ` : ""})`).join("; ")}.`, "muted"));
    }
  }

  function showFlags(found) {
    const rows = Object.entries(found.now.channels || {}).map(([name, each]) => {
      const row = make("tr");
      row.append(make("td", channelName(name)));
      for (const value of [each.baseline, each.noise, each.snr, each.robust_noise, each.robust_snr]) row.append(make("td", number(value, 4), "number"));
      row.append(make("td", each.unit), make("td", state(each.status, each.reason)));
      return row;
    });
    element("idex-channels").replaceChildren(...rows);
  }

  function show(found) {
    element("idex-analysed").hidden = found.none;
    element("idex-answer").hidden = found.none;
    element("idex-none").hidden = !found.none;
    if (!found.none) showAnswer(found);
  }

  function rest(found) {
    if (found.none) return;
    showParticle(found);
    showScale(found);
    showComposition(found);
    showFlags(found);
  }

  window.pinakesIdexBlocks = { show, rest };
})();
