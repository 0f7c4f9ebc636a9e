// Draws the Bokeh figures a page carries, and keeps their colours those of the style sheet: light, dark and print.
"use strict";

(function () {
  const shown = [];

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  }

  /** Give every axis, grid and title of a figure the colours of the page; `tags` name colours of the data. */
  function dress(figure) {
    const font = getComputedStyle(document.body).fontFamily;
    figure.setv({
      background_fill_color: null,
      border_fill_color: null,
      outline_line_color: colour("line"),
    });
    for (const side of ["left", "right", "above", "below", "center", "renderers"]) {
      for (const part of figure[side]) dressPart(part, font);
    }
  }

  function dressPart(part, font) {
    if (part.type.endsWith("Axis")) {
      part.setv({
        axis_line_color: colour("plot-axis"), major_tick_line_color: colour("plot-axis"), minor_tick_line_color: null,
        major_label_text_color: colour("muted"), major_label_text_font: font, major_label_text_font_size: "12px",
        axis_label_text_color: colour("muted"), axis_label_text_font: font, axis_label_text_font_size: "12px",
        axis_label_text_font_style: "normal",
      });
    } else if (part.type === "Grid") {
      part.setv({ grid_line_color: colour("plot-grid") });
    } else if (part.type === "Legend") {
      part.setv({
        background_fill_color: null, border_line_color: null, inactive_fill_color: null, label_text_color: colour("text"), label_text_font: font,
        label_text_font_size: "12px", padding: 2, spacing: 1, glyph_width: 16,
      });
    } else if (part.type === "GlyphRenderer") {
      paintGlyph(part);
    }
    // A model with the tag "colour:NAME" is drawn in the style sheet's colour of that name.
    if (part.type === "Span") paint(part, "line_color");
    if (part.type === "Label") { paint(part, "text_color"); part.setv({ text_font: font }); }
  }

  function tagged(model) {
    const tag = model.tags.find((item) => typeof item === "string" && item.startsWith("colour:"));
    return tag && colour(tag.slice(7));
  }

  function paint(model, ...properties) {
    const value = tagged(model);
    if (value) model.setv(Object.fromEntries(properties.map((property) => [property, value])));
  }

  function paintGlyph(renderer) {
    const value = tagged(renderer);
    if (!value) return;
    const glyph = renderer.glyph;
    const properties = {};
    for (const name of ["line_color", "fill_color", "hatch_color", "text_color"]) if (name in glyph && glyph[name] !== null) properties[name] = value;
    glyph.setv(properties);
  }

  function dressAll() {
    for (const figure of shown) dress(figure);
  }

  function figuresIn(root) {
    return Array.from(root.references()).filter((model) => model.type === "Figure");
  }

  /** Draw a document `{doc, roots: {model id: element id}}`; resolves to the Bokeh document. */
  async function draw(plot) {
    const [views] = await Bokeh.embed.embed_items(
      { doc: plot.doc },
      [{ docid: "doc", roots: plot.roots, root_ids: Object.keys(plot.roots) }],
    );
    const found = views.roots[0].model.document; // not the newest one: several may be drawn at a time
    const drawn = found.roots().flatMap(figuresIn);
    shown.push(...drawn);
    for (const figure of drawn) dress(figure); // not all anew: every change of a model paints it again
    return found;
  }

  for (const query of ["(prefers-color-scheme: dark)", "print"]) matchMedia(query).addEventListener("change", dressAll);

  Bokeh.logger.set_level("warn");
  window.pinakesFigures = { draw, dressAll, colour };
  // One after the other, so that the first ones show soon and the page answers in between.
  (async () => {
    for (const element of document.querySelectorAll(".bokeh[data-plot]")) {
      await draw(JSON.parse(document.getElementById(element.dataset.plot).textContent));
      await new Promise((next) => setTimeout(next, 0));
    }
    document.documentElement.dataset.figures = "drawn";
  })();
})();
