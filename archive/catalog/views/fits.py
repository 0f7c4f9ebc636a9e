"""Views of analyses: the current one of each event, its fits with named parameters, and what follows from them."""

from archive.catalog.views.base import View

_EVENT = {
    "event_id": "The event (core.event.id).",
    "identity": "Name of the event for ever.",
    "t": "Event time, UTC.",
    "origin": "automatic, or override when an analyst's word was taken into account.",
    "override_id": "Newest override that was taken into account; null for an automatic analysis.",
    "version": "Version of the analysis.",
    "event_analysis_id": "The analysis (core.event_analysis.id).",
    "status": "Words parted by blanks; ok when nothing is to be said.",
    "reason": "What the status says, for a person; empty for ok.",
    "kind": "Kind of event, for example dust.",
}

CURRENT = View(
    "current_analyses",
    "The analysis of each event that counts: of its best copy, with the newest override, by the newest code.",
    """
    select distinct on (a.event_id, a.analysis) a.*
    from core.event_analysis a
    join core.event e on e.id = a.event_id
    where a.override_id is null
       or a.override_id = (select max(o.id) from core.fit_override o where o.event_id = a.event_id)
    order by a.event_id, a.analysis, a.source <> substr(e.preference, 11), a.override_id is null, a.version desc,
             a.id desc
    """,
    like=("core.event_analysis",),
)

#: The fence (offset 0) makes the planner look up the analyses of the events in question only.
IDEX_ANALYSED = View(
    "idex_analysed",
    "Every IDEX event whose clock was set, with its current analysis.",
    """
    select e.id as event_id, e.t, x.dust_hit, x.noise, x.pulser, a.id as event_analysis_id
    from core.event e
    join idex.event x on x.event_id = e.id and x.clock_set
    cross join lateral (
        select c.id from analysis.current_analyses c where c.event_id = e.id and c.analysis = 'idex' offset 0
    ) a
    """,
    {"event_id": "The event.", "event_analysis_id": "Its current analysis."},
    ("core.event", "idex.event"),
)

FITS = View(
    "fits",
    "Every fit of the current analysis of every event, with the names of its parameters.",
    """
    select a.event_id, e.identity, e.t, f.channel, f.line, m.name as model,
           (select array_agg(p ->> 'name' order by n) from jsonb_array_elements(m.parameters)
            with ordinality x(p, n)) as parameters,
           f.values, f.errors, f.chi2, f.dof, f.window_start, f.window_stop, f.status, f.reason, f.origin,
           a.override_id, a.version, f.event_analysis_id
    from analysis.current_analyses a
    join core.event e on e.id = a.event_id
    join core.fit f on f.event_analysis_id = a.id
    join core.fit_model m on m.id = f.fit_model_id
    """,
    {
        **_EVENT,
        "origin": "automatic, or override when an analyst set or refitted this one.",
        "model": "Function that was fitted.",
        "parameters": "Names of values and errors, in their order.",
    },
    ("core.fit",),
)

_LINE = {
    "area": "Total area of the line, mA us.",
    "mu": "Location of the Gaussian, us from the trigger; not the maximum.",
    "sigma": "Width of the Gaussian, us.",
    "lambda": "Rate of the tail, 1/us.",
}
_PULSE = {
    "time_of_impact": "Begin of the pulse, us from the trigger.",
    "constant_offset": "Baseline, pC.",
    "amplitude": "Amplitude, pC; not the charge.",
    "rise_time": "tau_r, the e-folding time of the rise, us.",
    "discharge_time": "tau_d, the e-folding time of the decay, us.",
}


_IMAGE = {
    "image_amplitude": "C1, image charge of the approaching particle, pC; null for impact_pulse.",
    "image_time": "tau_0, decay of the image charge, us; null for impact_pulse.",
}

#: Where the five parameters of a pulse stand among the seven of a pulse with image charge.
_PLACES = (1, 2, 4, 6, 7)


def _of_two(parameters: dict[str, str]) -> str:
    """Return the columns of the parameters of a pulse of either model, and their errors."""
    columns = []
    for place, (name, other) in enumerate(zip(parameters, _PLACES, strict=True), start=1):
        for kind, ending in (("values", ""), ("errors", "_error")):
            choice = f"case when f.model = 'image_pulse' then f.{kind}[{other}] else f.{kind}[{place}] end"
            columns.append(f'{choice} as "{name}{ending}"')
    return ", ".join(columns)


def _named(parameters: dict[str, str]) -> str:
    """Return the columns of the parameters and their errors."""
    names = enumerate(parameters, start=1)
    return ", ".join(f'f.values[{i}] as "{name}", f.errors[{i}] as "{name}_error"' for i, name in names)


def _errors(parameters: dict[str, str]) -> dict[str, str]:
    return {f"{name}_error": f"Standard error of {name}, same unit." for name in parameters}


TOF_LINE = View(
    "tof_line",
    "Every line of the mass spectra: fit, mass and species.",
    f"""
    select f.event_id, f.identity, f.t, f.channel, f.line, {_named(_LINE)}, f.chi2, f.dof, f.window_start,
           f.window_stop, l.area_in_window, l.mode, l.height, l.fwhm, l.snr, l.gain, l.mass, l.mass_error, l.resolution,
           l.species, l.species_origin, l.species_unique, l.fraction_of_record, l.fraction_of_lines, f.status, f.reason,
           f.origin, f.override_id, f.version, f.event_analysis_id, l.candidates, l.shape, l.extras
    from analysis.fits f join idex.line_analysis l using (event_analysis_id, channel, line)
    """,  # noqa: S608 - constants of this module
    {**_EVENT, "origin": FITS.columns["origin"], **_LINE, **_errors(_LINE)},
    ("idex.line_analysis", "core.fit"),
)

PULSE = View(
    "pulse",
    "Every charge pulse: fit, charge, and speed and mass by that channel alone.",
    f"""
    select f.event_id, f.identity, f.t, f.channel, {_of_two(_PULSE)}, f.chi2, f.dof, f.window_start, f.window_stop,
           p.charge, p.charge_error, p.charge_limit, p.t_max, p.t10, p.t90, p.value10, p.value90, p.rise_10_90,
           p.baseline, p.noise, p.correlation, p.speed, p.speed_low, p.speed_high, p.mass, p.mass_low, p.mass_high,
           f.status, f.reason, f.origin, f.override_id, f.version, f.event_analysis_id, f.model,
           case when f.model = 'image_pulse' then f.values[3] end as image_amplitude,
           case when f.model = 'image_pulse' then f.errors[3] end as image_amplitude_error,
           case when f.model = 'image_pulse' then f.values[5] end as image_time,
           case when f.model = 'image_pulse' then f.errors[5] end as image_time_error
    from analysis.fits f join idex.pulse_analysis p using (event_analysis_id, channel, line)
    """,  # noqa: S608 - constants of this module
    {
        **_EVENT,
        "origin": FITS.columns["origin"],
        **_PULSE,
        **_errors(_PULSE),
        **_IMAGE,
        **_errors(_IMAGE),
        "model": "impact_pulse, or image_pulse when an analyst chose the form with image charge.",
    },
    ("idex.pulse_analysis", "core.fit"),
)

_HEAD = "a.event_id, e.identity, e.t, e.kind"
_TAIL = "a.origin, a.override_id, a.version, x.event_analysis_id"
_OF = "from analysis.current_analyses a join core.event e on e.id = a.event_id"

LEVEL = View(
    "channel_level",
    "Baseline, noise, signal-to-noise and saturation of each channel of each event.",
    f"""
    select {_HEAD}, x.channel, x.unit, x.baseline, x.noise, x.snr, x.robust_baseline, x.robust_noise, x.robust_snr,
           x.correlation, x.saturated, x.plateau_start, x.plateau_length, x.noise_window, x.noise_samples,
           x.noise_mean, x.noise_sigma, x.noise_median, x.noise_robust, x.noise_poisson, x.noise_lag1,
           x.line_frequency, x.line_amplitude, x.line_excess, x.status, x.reason, {_TAIL}
    {_OF} join idex.channel_analysis x on x.event_analysis_id = a.id
    """,
    _EVENT,
    ("idex.channel_analysis",),
)

COMPOSITION = View(
    "composition",
    "Composition of the particle of each event.",
    f"""
    select {_HEAD}, x.sensitivity, x.mg_area, x.si_area, x.fe_area, x.mg_fraction, x.si_fraction, x.fe_fraction,
           x.ternary_x, x.ternary_y, x.forsterite, x.elements, x.isotopes, x.material, x.material_unique, x.materials,
           x.mixtures, x.status, x.reason, {_TAIL}, x.material_origin
    {_OF} join idex.composition_analysis x on x.event_analysis_id = a.id
    """,
    _EVENT,
    ("idex.composition_analysis",),
)

SUMMARY = View(
    "event_summary",
    "What is known of each analysed event: charge, speed, mass, mass scale, composition, one row an event.",
    f"""
    select {_HEAD}, i.science, i.dust_hit, a.status, a.reason, x.channel, x.charge, x.charge_error, x.ratio,
           x.ratio_speed, x.speed_source, x.speed, x.speed_low, x.speed_high, x.mass, x.mass_low, x.mass_high,
           x.status as particle_status, x.reason as particle_reason, s.lines, s.merged_snr, s.ratio_mid, s.ratio_low,
           s.origin as scale_origin, s.coefficients, s.coefficients[1] as shift, s.coefficients[2] as stretch,
           s.matched, s.rms, s.kappa, s.kappa_rms, s.kappa_abs, s.status as scale_status, s.reason as scale_reason,
           c.mg_fraction, c.si_fraction, c.fe_fraction, c.forsterite, c.material, c.status as composition_status,
           c.reason as composition_reason, {_TAIL}, s.gains
    {_OF}
    left join idex.event i on i.event_id = a.event_id
    join idex.particle_analysis x on x.event_analysis_id = a.id
    join idex.spectrum_analysis s on s.event_analysis_id = a.id
    join idex.composition_analysis c on c.event_analysis_id = a.id
    """,
    {
        **_EVENT,
        "particle_status": "Status of charge, speed and mass.",
        "particle_reason": "What that status says.",
        "scale_origin": "Time of the first sample, us from the trigger: the zero of the mass scale.",
        "shift": "t0 of the mass scale, us from the first sample.",
        "stretch": "a1 of the mass scale, us per root of u.",
        "scale_status": "Status of the mass scale.",
        "scale_reason": "What that status says.",
        "composition_status": "Status of the composition.",
        "composition_reason": "What that status says.",
    },
    ("idex.particle_analysis", "idex.spectrum_analysis", "idex.composition_analysis", "idex.event"),
)

OVERRIDES = View(
    "fit_overrides",
    "What analysts said about fits, oldest first; nothing is ever taken out.",
    """
    select o.id as override_id, o.event_id, e.identity, o.action, o.channel, o.line, o.arguments, o.base, o.author,
           o.reason, o.supersedes_id, o.created_at,
           o.id = (select max(n.id) from core.fit_override n where n.event_id = o.event_id) as is_newest,
           (exists (select 1 from core.fit f, unnest(f.values, f.errors) with ordinality u(value, error, place)
                   where f.channel = o.channel and f.line = o.line and f.event_analysis_id =
                         (select max(a.id) from core.event_analysis a
                          where a.event_id = o.event_id and a.override_id is null)
                     and abs(u.value - (o.base -> 'values' ->> (u.place - 1)::int)::float8) > 3 * u.error
                  )
            or o.base is not null and not exists (
                   select 1 from core.fit f where f.channel = o.channel and f.line = o.line and f.event_analysis_id =
                         (select max(a.id) from core.event_analysis a
                          where a.event_id = o.event_id and a.override_id is null))) as needs_review
    from core.fit_override o join core.event e on e.id = o.event_id
    """,
    {
        "override_id": "The override (core.fit_override.id).",
        "identity": _EVENT["identity"],
        "is_newest": "Whether it is the newest one of its event.",
        "needs_review": "Whether the automatic fit has moved by more than three standard errors since, or is no more.",
    },
    ("core.fit_override",),
)

VIEWS = (CURRENT, IDEX_ANALYSED, FITS, TOF_LINE, PULSE, LEVEL, COMPOSITION, SUMMARY, OVERRIDES)
