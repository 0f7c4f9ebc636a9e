"""Views of IDEX: its events with the facts of their headers, its housekeeping, messages and catalogue lists."""

from archive.catalog.views.base import View

EVENT = {
    "t": "Event time, UTC.",
    "identity": "Name of the event for ever.",
    "relpath": "Path of the raw file below the archive home.",
}

IDEX_EVENTS = View(
    "idex_events",
    "Every IDEX event: common columns first, then those of idex.event.",
    """
    select e.identity, e.kind, e.seq, e.t, e.tick, e.flags, e.relpath, e.n_sources, e.products, x.*
    from analysis.events e join idex.event x on x.event_id = e.event_id
    """,
    EVENT,
    ("idex.event", "analysis.events"),
)

IDEX_HOUSEKEEPING = View(
    "idex_housekeeping",
    "Converted housekeeping of every IDEX event.",
    "select e.identity, e.t, h.* from core.event e join idex.event_housekeeping h on h.event_id = e.id",
    EVENT,
    ("idex.event_housekeeping",),
)

IDEX_HEADERS = View(
    "idex_headers",
    "Raw header words of every IDEX event.",
    "select e.identity, e.t, h.* from core.event e join idex.event_header h on h.event_id = e.id",
    EVENT,
    ("idex.event_header",),
)

IDEX_MESSAGES = View(
    "idex_messages",
    "Event messages of IDEX.",
    "select f.relpath, m.* from idex.message m join core.file f on f.id = m.file_id",
    {"relpath": EVENT["relpath"]},
    ("idex.message",),
)

#: Message 192 tells the old and the new state in two bytes each (IDEX packet definition, section 10).
IDEX_SCIENCE_STATES = View(
    "idex_science_states",
    "Messages of science going on or off, as often as files hold them.",
    """
    select m.file_id, m.t, m.tick, (m.p0, m.p1, m.p2, m.p3) = (0, 2, 0, 3) as science_on
    from idex.message m
    where m.message_id = 192 and (m.p0, m.p1, m.p2, m.p3) in ((0, 2, 0, 3), (0, 3, 0, 5))
    """,
    {"science_on": "True: science goes on; false: off."},
    ("idex.message",),
)

IDEX_CATALOGUE = View(
    "idex_catalogue",
    "Entries of the catalogue lists of IDEX.",
    "select f.relpath, c.* from idex.catalogue_entry c join core.file f on f.id = c.file_id",
    {"relpath": EVENT["relpath"]},
    ("idex.catalogue_entry",),
)

IDEX_POINTING = View(
    "idex_pointing",
    "Where the boresight pointed at each event, by the newest file that says so.",
    """
    select e.id as event_id, e.identity, e.t, p.longitude, p.latitude, p.solar_longitude, p.spin_phase, p.file_id,
           p.record
    from core.event e
    join idex.event x on x.event_id = e.id
    cross join lateral (
        select * from (
            (select * from idex.pointing p where p.tt2000 between x.tt2000 - 1000000 and x.tt2000 + 1000000
             order by p.file_id desc, abs(p.tt2000 - x.tt2000) limit 1)
            union all
            (select * from idex.pointing p where p.aid = x.aid and p.shcoarse = x.shcoarse and p.shfine = x.shfine
             order by p.file_id desc limit 1)
        ) found order by file_id desc limit 1
    ) p
    """,
    EVENT | {"event_id": "The event (core.event.id)."},
    ("idex.pointing",),
)

IDEX_POINTING_SAMPLES = View(
    "idex_pointing_samples",
    "Where the boresight pointed, at events or at any time, by every file that says so.",
    "select p.* from idex.pointing p",
    like=("idex.pointing",),
)

IDEX_RATE_WINDOWS = View(
    "idex_rate_windows",
    "Windows of ten days: exposure and dust counts, as accumulated last.",
    """
    select distinct on (w.t_start) w.id as rate_window_id, w.t_start, w.t_stop, w.t_until, w.exposure, w.known,
           w.dead_time, w.messages, w.events, w.dust, w.unanalysed, w.no_charge, w.no_mass, w.no_phase, w.unplaced,
           w.unplaced_exposure, w.quality, w.status, w.reason, w.version, w.settings_hash, w.settings, w.created_at
    from idex.rate_window w
    order by w.t_start, w.id desc
    """,
    {"rate_window_id": "The accumulation (idex.rate_window.id)."},
    ("idex.rate_window",),
)

IDEX_RATES = View(
    "idex_rates",
    "Dust counts and rates with their 68 % Poisson intervals by window, spin quadrant, and charge or mass.",
    """
    select w.t_start, w.t_stop, r.binning, r.spin_quadrant, r.bin, r.bin_low, r.bin_high,
           sqrt(r.bin_low * r.bin_high) as bin_centre, w.exposure, r.counts, r.counts_low, r.counts_high, r.rate,
           r.rate_low, r.rate_high, w.quality, w.status, w.reason, w.rate_window_id
    from analysis.idex_rate_windows w join idex.rate r using (rate_window_id)
    """,
    {"bin_centre": "Geometric mean of the edges, pC or kg."},
    ("idex.rate", "idex.rate_window"),
)

IDEX_MAP = View(
    "idex_map",
    "Pointing map of each window: counts, exposure and rate of the pixels; one without row has neither.",
    """
    select w.t_start, w.t_stop, m.lon_pixel, m.lat_pixel, 6.0 * m.lon_pixel + 3 as longitude,
           6.0 * m.lat_pixel - 87 as latitude, m.exposure, m.counts, m.counts_low, m.counts_high, m.rate, m.rate_low,
           m.rate_high, w.rate_window_id
    from analysis.idex_rate_windows w join idex.map_pixel m using (rate_window_id)
    """,
    {
        "longitude": "Ecliptic longitude (J2000) of the middle of the pixel, degrees.",
        "latitude": "Ecliptic latitude (J2000) of the middle of the pixel, degrees.",
    },
    ("idex.map_pixel", "idex.rate_window"),
)

IDEX_MAP_COUNTS = View(
    "idex_map_counts",
    "Dust counts of each window by pixel, charge and mass.",
    """
    select w.t_start, w.t_stop, m.*
    from analysis.idex_rate_windows w join idex.map_count m using (rate_window_id)
    """,
    {},
    ("idex.map_count", "idex.rate_window"),
)

VIEWS = (
    IDEX_EVENTS,
    IDEX_HOUSEKEEPING,
    IDEX_HEADERS,
    IDEX_MESSAGES,
    IDEX_SCIENCE_STATES,
    IDEX_CATALOGUE,
    IDEX_POINTING,
    IDEX_POINTING_SAMPLES,
    IDEX_RATE_WINDOWS,
    IDEX_RATES,
    IDEX_MAP,
    IDEX_MAP_COUNTS,
)
