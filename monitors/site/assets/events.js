// Which events there are, and their data: small scripts loaded one at a time, because a page opened from disk may not
// fetch. Each of them calls back into window.pinakesEvents.
"use strict";

(function () {
  const { load, forget } = window.pinakesPage.loader();
  const events = new Map(); // id -> event, the newest few
  const KEPT = 60;
  const BASE = `${document.body.dataset.root}events/ev/`;
  let tags = {}; // event -> [[name, meaning, who said so, when and why]]
  let days = []; // [day, number of events, least id, greatest id], oldest first
  const rowsOf = new Map(); // day -> rows [id, time, kind, number, flags, identity]

  /** Rows of a day in time order. */
  async function day(name) {
    if (!rowsOf.has(name)) await load(`${BASE}days/${name}.js`);
    return rowsOf.get(name);
  }

  /** The data of one event. */
  async function event(id) {
    const address = `${BASE}${Math.floor(id / 1000)}/${id}.js`;
    if (!events.has(id)) await load(address);
    forget(address); // the script may go from memory with the event
    const found = events.get(id);
    events.delete(id);
    events.set(id, found); // most recently used last
    for (const old of events.keys()) {
      if (events.size <= KEPT) break;
      events.delete(old);
    }
    return found;
  }

  async function indexIn(name, test) {
    const rows = await day(name);
    const index = rows.findIndex(test);
    return index < 0 ? null : { day: name, index };
  }

  /** Where the event with this catalog number is: {day, index}, or null. */
  async function byId(id) {
    for (const [name, , low, high] of days) {
      if (id < low || id > high) continue;
      const place = await indexIn(name, (row) => row[0] === id);
      if (place) return place;
    }
    return null;
  }

  /** Where the event with this identity (or a part of it) is; newest days first. */
  async function byIdentity(text, progress) {
    for (const exact of [true, false]) {
      for (let i = days.length - 1; i >= 0; i--) {
        progress(days.length - i, days.length);
        const place = await indexIn(days[i][0], (row) => (exact ? row[5] === text : row[5].includes(text)));
        if (place) return place;
      }
    }
    return null;
  }

  /** Where the last event before or at this time is (the first of all when there is none), time in ISO 8601 UTC. */
  async function byTime(text) {
    let index = days.findLastIndex(([name]) => name <= text.slice(0, 10));
    if (index < 0) return { day: days[0][0], index: 0 };
    const rows = await day(days[index][0]);
    // A time given to the minute means the whole minute, a day the first event of that day.
    if (text.length <= 10) return { day: days[index][0], index: days[index][0] === text ? 0 : rows.length - 1 };
    const within = rows.findLastIndex((row) => row[1].slice(0, text.length) <= text);
    if (within >= 0) return { day: days[index][0], index: within };
    if (index === 0) return { day: days[0][0], index: 0 };
    index -= 1;
    return { day: days[index][0], index: days[index][1] - 1 };
  }

  /** The neighbour `step` (-1 or 1) away, or null at either end. */
  async function beside(place, step) {
    const rows = await day(place.day);
    const index = place.index + step;
    if (index >= 0 && index < rows.length) return { day: place.day, index };
    const other = days.findIndex(([name]) => name === place.day) + step;
    if (other < 0 || other >= days.length) return null;
    return { day: days[other][0], index: step > 0 ? 0 : (await day(days[other][0])).length - 1 };
  }

  /** How many events come before the one at `place`. */
  function rank(place) {
    let before = 0;
    for (const [name, number] of days) {
      if (name === place.day) break;
      before += number;
    }
    return before + place.index;
  }

  window.pinakesEvents = {
    setDays(list) { days = list; },
    setTags(list) { tags = list; },
    setDay(name, rows) { rowsOf.set(name, rows); },
    setEvent(data, more) { events.set(data.id, Object.assign(data, { more })); },
    tags: (id) => tags[id] || [],
    count: () => days.reduce((sum, item) => sum + item[1], 0),
    first: () => (days.length ? { day: days[0][0], index: 0 } : null),
    last: () => (days.length ? { day: days[days.length - 1][0], index: days[days.length - 1][1] - 1 } : null),
    day, event, byId, byIdentity, byTime, beside, rank,
  };
})();
