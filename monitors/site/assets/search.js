// The search page: pages at once, events through the lists of days, files shard by shard, the newest first.
"use strict";

(function () {
  const CLASSES = 16384; // as monitors/site/search.py
  const MOST = 100; // files shown
  const MOST_PAGES = 30;
  const root = document.body.dataset.root;
  const element = (id) => document.getElementById(id);
  const filesOf = new Map(); // shard -> rows [id, name, level, state, sha256]
  const KEPT = 40; // shards kept in memory
  let pages = [];
  let shards = []; // [number, bits], newest files first
  let total = 0;
  let asked = 0;

  function bitsOf(digest) {
    const raw = atob(digest);
    return Uint8Array.from(raw, (c) => c.charCodeAt(0));
  }

  /** Whether names of a shard may hold a word: all its runs of four characters occur in some of them. */
  function mayHold(bits, word) {
    for (let i = 0; i + 3 < word.length; i++) {
      let code = 0;
      for (let k = 0; k < 4; k++) code = code * 31 + word.charCodeAt(i + k);
      code %= CLASSES;
      if (!(bits[code >> 3] & (128 >> (code & 7)))) return false;
    }
    return true;
  }

  function load(shard) {
    if (filesOf.has(shard)) return Promise.resolve(filesOf.get(shard));
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = `${root}search/files/${shard}.js`;
      script.onload = () => {
        script.remove();
        for (const old of filesOf.keys()) {
          if (filesOf.size <= KEPT) break;
          if (old !== shard) filesOf.delete(old);
        }
        resolve(filesOf.get(shard));
      };
      script.onerror = () => { script.remove(); reject(new Error(`The list of files ${shard} cannot be loaded. Build the site again: pinakes site build`)); };
      document.head.append(script);
    });
  }

  function add(list, href, label, note) {
    const item = document.createElement("li");
    const link = document.createElement("a");
    link.href = href;
    link.textContent = label;
    const more = document.createElement("span");
    more.className = "muted";
    more.textContent = note;
    item.append(link, " ", more);
    list.append(item);
    list.parentElement.hidden = false;
  }

  const say = (text) => { element("progress").textContent = text; };
  const hasAll = (text, words) => words.every((word) => text.includes(word));

  function findPages(words) {
    const list = document.querySelector("#found-pages .found");
    let count = 0;
    for (const [kind, label, path] of pages) {
      if (count >= MOST_PAGES) break;
      if (!hasAll(`${kind} ${label} ${path}`.toLowerCase(), words)) continue;
      add(list, root + path, label, kind);
      count += 1;
    }
    return count;
  }

  async function findEvents(query, mine) {
    const events = window.pinakesEvents;
    const list = document.querySelector("#found-events .found");
    if (!events.count()) return 0;
    const places = [];
    if (/^#?\d+$/.test(query)) places.push(["event number", await events.byId(Number(query.replace("#", "")))]);
    const time = query.match(/^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}(?::\d{2}(?::\d{2}(?:\.\d+)?)?)?))?Z?$/);
    if (time) places.push(["at or before that time", await events.byTime(time[2] ? `${time[1]}T${time[2]}` : time[1])]);
    else if (query.length >= 3) places.push(["identity", await events.byIdentity(query, (done, all) => { if (mine === asked) say(`Looking for events, day ${done} of ${all} …`); })]);
    if (mine !== asked) return 0;
    let count = 0;
    const seen = new Set();
    for (const [how, place] of places) {
      if (!place) continue;
      const row = (await events.day(place.day))[place.index];
      if (seen.has(row[0])) continue;
      seen.add(row[0]);
      add(list, `${root}events/viewer.html#${row[0]}`, `Event ${row[0]}`, `${row[1].slice(0, 19).replace("T", " ")} UTC, ${row[2]}, ${row[5]} (${how})`);
      count += 1;
    }
    return count;
  }

  async function findFiles(words, mine) {
    const list = document.querySelector("#found-files .found");
    const sha = words.length === 1 && /^[0-9a-f]{8,64}$/.test(words[0]) ? words[0].slice(0, 16) : null;
    let count = 0;
    let looked = 0;
    const worth = shards.filter(([, bits]) => sha || words.every((word) => mayHold(bits, word)));
    for (const [shard] of worth) {
      say(`Looking for files, list ${++looked} of ${worth.length} …`);
      const rows = await load(shard);
      if (mine !== asked) return count;
      for (let i = rows.length - 1; i >= 0; i--) {
        const [id, name, level, state, digest] = rows[i];
        if (!hasAll(name.toLowerCase(), words) && !(sha && digest.startsWith(sha)) && !(words.length === 1 && words[0] === String(id))) continue;
        add(list, `${root}files/${id}.html`, name, `${level}, ${state}, number ${id}`);
        count += 1;
        if (count >= MOST) return count;
      }
    }
    return count;
  }

  async function find(query) {
    const mine = ++asked;
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    for (const kind of ["pages", "events", "files"]) {
      element(`found-${kind}`).hidden = true;
      document.querySelector(`#found-${kind} .found`).replaceChildren();
    }
    history.replaceState(null, "", query ? `#q=${encodeURIComponent(query)}` : "#");
    delete document.documentElement.dataset.found;
    if (!words.length) return;
    try {
      const inPages = findPages(words);
      const inEvents = await findEvents(query, mine);
      const inFiles = mine === asked ? await findFiles(words, mine) : 0;
      if (mine !== asked) return;
      const more = inFiles >= MOST ? `; the newest ${MOST} files are shown` : "";
      say(`${inPages} pages, ${inEvents} events, ${inFiles} of ${total} files${more}.`);
      document.documentElement.dataset.found = query;
    } catch (error) {
      say(error.message);
    }
  }

  window.pinakesSearch = {
    setFiles(shard, rows) { filesOf.set(shard, rows); },
    setIndex(listed, found, files) {
      pages = listed;
      shards = found.map(([number, digest]) => [number, bitsOf(digest)]);
      total = files;
      const input = element("query");
      let later = 0;
      input.addEventListener("input", () => { clearTimeout(later); later = setTimeout(() => find(input.value.trim()), 200); });
      element("search").addEventListener("submit", (event) => { event.preventDefault(); clearTimeout(later); find(input.value.trim()); });
      const fromAddress = () => {
        const wanted = new URLSearchParams(location.hash.slice(1)).get("q") || "";
        if (wanted && wanted !== input.value.trim()) { input.value = wanted; find(wanted); }
      };
      window.addEventListener("hashchange", fromAddress);
      fromAddress();
      input.focus();
    },
  };
})();
