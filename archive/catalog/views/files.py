"""Views of files: what there is, what it was made from, what is wrong with it, and how much of it there is."""

from archive.catalog.views.base import View

ORIGIN = {
    "file_id": "The file (core.file.id).",
    "instrument": "Short name of the instrument.",
    "product": "Name of the product.",
    "relpath": "Path of the file below the archive home.",
}

FILES = View(
    "files",
    "Every file with its product and instrument.",
    """
    select f.id as file_id, i.name as instrument, p.name as product, p.level, p.format,
           regexp_replace(f.relpath, '^.*/', '') as name, f.relpath, f.original_name, f.received, f.sha256, f.size,
           f.t_start, f.t_end, f.version, f.state, f.header,
           c.name || ' ' || c.version as code, f.created_at, f.verified_at
    from core.file f
    join core.product p on p.id = f.product_id
    join core.instrument i on i.id = p.instrument_id
    left join core.code_version c on c.id = f.code_version_id
    """,
    {**ORIGIN, "name": "Name of the file.", "code": "Distribution and version of the code that wrote the row."},
    ("core.file", "core.product"),
)

CURRENT_FILES = View(
    "current_files",
    "Files that are there: state is available.",
    "select * from analysis.files where state = 'available'",
    like=("analysis.files",),
)

LINEAGE = View(
    "lineage",
    "Every pair of a file and a file it was made from, at any distance.",
    """
    with recursive pair(file_id, ancestor_id, depth, role, trail) as (
        select file_id, parent_id, 1, role, array[file_id, parent_id] from core.file_parent
        union all
        select pair.file_id, above.parent_id, pair.depth + 1, pair.role || ' < ' || above.role,
               pair.trail || above.parent_id
        from pair join core.file_parent above on above.file_id = pair.ancestor_id
        where above.parent_id <> all (pair.trail)
    )
    select pair.file_id, child.relpath, pair.ancestor_id, ancestor.relpath as ancestor_relpath,
           ancestor.sha256 as ancestor_sha256, pair.depth, pair.role
    from pair
    join core.file child on child.id = pair.file_id
    join core.file ancestor on ancestor.id = pair.ancestor_id
    """,
    {
        **ORIGIN,
        "ancestor_id": "The file it was made from (core.file.id); search this column for descendants.",
        "ancestor_relpath": "Path of the ancestor below the archive home.",
        "ancestor_sha256": "SHA-256 of the ancestor.",
        "depth": "Steps between the two: 1 is a parent.",
        "role": "What the ancestor was for, step by step.",
    },
)

PROBLEMS = View(
    "problems",
    "What is wrong with files, newest last.",
    """
    select q.id as problem_id, q.created_at, i.name as instrument, p.name as product, q.file_id, f.relpath, q.source,
           q.severity, q.code, q.byte_offset, q.byte_length, q.packet, q.count, q.message
    from core.file_problem q
    left join core.file f on f.id = q.file_id
    left join core.product p on p.id = f.product_id
    left join core.instrument i on i.id = p.instrument_id
    """,
    {**ORIGIN, "problem_id": "Key of the row (core.file_problem.id)."},
    ("core.file_problem",),
)

PACKETS = View(
    "packets",
    "Packets per APID of every packet file.",
    """
    select a.file_id, i.name as instrument, f.relpath, f.t_start, f.t_end, a.apid, a.name, a.n_packets, a.n_bytes,
           a.n_crc_failed, a.n_gaps, a.n_missing, a.first_seq, a.last_seq, a.t_first, a.t_last
    from core.file_apid a
    join core.file f on f.id = a.file_id
    join core.product p on p.id = f.product_id
    join core.instrument i on i.id = p.instrument_id
    """,
    ORIGIN,
    ("core.file_apid", "core.file"),
)

GAPS = View(
    "gaps",
    "Jumps of the sequence counters, with the file they are in.",
    """
    select g.file_id, i.name as instrument, f.relpath, g.apid, a.name, g.kind, g.seq_before, g.seq_after, g.n_missing,
           g.byte_offset
    from core.packet_gap g
    join core.file f on f.id = g.file_id
    join core.product p on p.id = f.product_id
    join core.instrument i on i.id = p.instrument_id
    left join core.file_apid a on a.file_id = g.file_id and a.apid = g.apid
    """,
    ORIGIN,
    ("core.packet_gap", "core.file_apid"),
)

COVERAGE = View(
    "coverage",
    "Files and data time per product and UTC day of their first data.",
    """
    select instrument, product, (t_start at time zone 'UTC')::date as day, count(*) as n_files,
           min(t_start) as t_start, max(t_end) as t_end, sum(size)::bigint as n_bytes
    from analysis.files
    where state = 'available' and t_start is not null
    group by 1, 2, 3
    """,
    {
        **ORIGIN,
        "day": "UTC day of t_start.",
        "n_files": "Available files.",
        "t_start": "First data of the day's files, UTC.",
        "t_end": "Last data of the day's files, UTC.",
        "n_bytes": "Their bytes together.",
    },
)

STORAGE_PER_DAY = View(
    "storage_per_day",
    "Files and bytes that came into the archive, per UTC day, product and state.",
    """
    select (created_at at time zone 'UTC')::date as day, instrument, product, level, state, count(*) as n_files,
           sum(size)::bigint as n_bytes
    from analysis.files
    group by 1, 2, 3, 4, 5
    """,
    {**ORIGIN, "day": "UTC day the rows were written.", "n_files": "Files.", "n_bytes": "Their bytes together."},
    ("analysis.files",),
)

CALIBRATIONS = View(
    "calibrations",
    "Calibrations that count: of each name the shipped ones of the highest version, and local ones, which come first.",
    """
    select i.name as instrument, s.name, s.version, lower(c.valid) as valid_from, upper(c.valid) as valid_to, c.unit,
           c."values", c.origin, s.created_at, s.source, s.author, s.reason, s.basis,
           s.source = 'local' and s.shipped_version < newest.version as needs_review
    from core.calibration_set s
    join core.instrument i on i.id = s.instrument_id
    join core.calibration c on c.calibration_set_id = s.id
    cross join lateral (select max(o.version) as version from core.calibration_set o
                        where o.instrument_id = s.instrument_id and o.name = s.name and o.source = 'shipped') newest
    where case when s.source = 'shipped' then s.version = newest.version
          else not exists (select 1 from core.calibration_set t where t.withdraws_id = s.id) end
    """,
    {
        "instrument": ORIGIN["instrument"],
        "valid_from": "First data time it applies to, UTC; null: from the beginning.",
        "valid_to": "Data time it no longer applies to, UTC; null: without end.",
        "needs_review": "Whether the package has shipped a newer version since a local one was written.",
    },
    ("core.calibration_set", "core.calibration"),
)

VIEWS = (FILES, CURRENT_FILES, LINEAGE, PROBLEMS, PACKETS, GAPS, COVERAGE, STORAGE_PER_DAY, CALIBRATIONS)
