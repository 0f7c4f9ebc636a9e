// What is known of each event, as typed arrays: one small script per quantity and block of events, loaded when asked
// for. Each script calls back into window.pinakesColumns.
"use strict";

(function () {
  const KINDS = { i1: Int8Array, u1: Uint8Array, i2: Int16Array, u2: Uint16Array, i4: Int32Array, f4: Float32Array, f8: Float64Array };
  let index = { instrument: "", events: 0, blocks: [], quantities: [] };
  const about = new Map(); // quantity -> {name, label, unit, group, meaning, words}
  const sizes = new Map(); // block -> events in it
  const parts = new Map(); // "block quantity" -> column as the script gave it
  const { load } = window.pinakesPage.loader();
  const whole = new Map(); // quantity -> promise of the whole column

  function folder() {
    return `${document.body.dataset.root}instruments/${index.instrument}/columns`;
  }

  /** How many events the pages hold. */
  function count() {
    return index.blocks.reduce((sum, [, events]) => sum + events, 0);
  }

  /** The bytes of a column, little-endian, as an array of its type. */
  function unpack(column) {
    const text = atob(column.data);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    const Kind = KINDS[column.type];
    if (!Kind) throw new Error(`no type of numbers is called ${column.type}`);
    return new Kind(bytes.buffer);
  }

  async function part(block, name) {
    await load(`${folder()}/${block}/block.js`);
    const key = `${block} ${name}`;
    if (!parts.has(key)) await load(`${folder()}/${block}/${name}.js`);
    const found = parts.get(key);
    parts.delete(key); // the whole column is kept instead
    return found;
  }

  function joinNumbers(columns, target) {
    let at = 0;
    index.blocks.forEach(([, events], i) => {
      const column = columns[i];
      if ("all" in column) target.fill(column.all === null ? NaN : column.all, at, at + events);
      else target.set(unpack(column), at);
      at += events;
    });
    return target;
  }

  /** Words of all blocks as one list, sorted; the number of each event's word is its place from 1, 0 for none. */
  function joinWords(columns, codes) {
    const known = new Set();
    for (const column of columns) for (const word of column.words || (column.all === null ? [] : [column.all])) known.add(word);
    const words = Array.from(known).sort();
    const place = new Map(words.map((word, i) => [word, i + 1]));
    let at = 0;
    index.blocks.forEach(([, events], i) => {
      const column = columns[i];
      if ("all" in column) codes.fill(column.all === null ? 0 : place.get(column.all), at, at + events);
      else {
        const mine = unpack(column);
        const here = [0, ...column.words.map((word) => place.get(word))];
        for (let k = 0; k < events; k++) codes[at + k] = here[mine[k]];
      }
      at += events;
    });
    return { words, codes };
  }

  async function makeWhole(quantity) {
    const columns = await Promise.all(index.blocks.map(([block]) => part(block, quantity.name)));
    if (quantity.words) return { quantity, ...joinWords(columns, new Uint32Array(count())), values: null };
    return { quantity, values: joinNumbers(columns, new Float64Array(count())), words: null, codes: null };
  }

  /** One quantity of every event: {quantity, values} with NaN where nothing is known, or {quantity, words, codes}. */
  function column(name) {
    const quantity = about.get(name);
    if (!quantity) return Promise.reject(new Error(`no quantity is called ${name}`));
    if (!whole.has(name)) {
      const promise = makeWhole(quantity);
      promise.catch(() => whole.delete(name));
      whole.set(name, promise);
    }
    return whole.get(name);
  }

  window.pinakesColumns = {
    setIndex(found) {
      index = found;
      for (const [block, events] of index.blocks) sizes.set(block, events);
      for (const [name, label, unit, group, meaning, words] of index.quantities) about.set(name, { name, label, unit, group, meaning, words: words === 1 });
    },
    setBlock(block, events, columns) {
      if (sizes.get(block) !== events) throw new Error("the pages are being built anew; load this page again");
      for (const [name, found] of Object.entries(columns)) parts.set(`${block} ${name}`, found);
    },
    setColumn(block, name, found) { parts.set(`${block} ${name}`, found); },
    column, count,
    total: () => index.events,
    quantities: () => Array.from(about.values()),
    quantity: (name) => about.get(name),
  };
})();
