"""How often optical elements are used, by the headers of cataloged files, counted at each walk."""

from __future__ import annotations

from monitors.site.build import build
from tests.ingest.conftest import ToyArchive, archive, toy_door
from tests.ingest.toy import lines, whole

__all__ = ["archive", "toy_door"]


def exposure(name: str, program: int, visit: int, *header: str) -> bytes:
    return lines(f"@program {program}", f"@visit {visit}", *header, *whole(name))


def test_observations_count_once_for_each_combination(archive: ToyArchive) -> None:
    f115, f200 = ("@filter F115W", "@pupil CLEAR"), ("@filter F200W", "@pupil MASKBAR")
    archive.put("a.txt", exposure("a", 1, 1, *f115))
    archive.put("b.txt", exposure("b", 1, 1, *f115))  # the same observation again
    archive.put("c.txt", exposure("c", 1, 2, *f115))
    archive.put("d.txt", exposure("d", 2, 1, *f115))  # the same number in another program
    archive.put("e.txt", exposure("e", 2, 1, *f200))
    archive.put("f.txt", exposure("f", 3, 1, "@filter F070W"))  # without a pupil
    archive.put("g.txt", exposure("g", 3, 1))  # without elements
    archive.put("h.txt", lines("@filter F070W", *whole("h")))  # of no observation
    archive.ingest()
    assert archive.run("monitor", "run", "filesystem").returncode == 0
    found = archive.rows("select instrument, element, n_obs from analysis.optical_elements order by element")
    assert [tuple(row) for row in found] == [
        ("toy", "F070W", 1),
        ("toy", "F115W/CLEAR", 3),
        ("toy", "F200W/MASKBAR", 1),
    ]
    site = archive.home.root / "site"
    build(archive.catalog, archive.settings, site)
    page = (site / "storage/index.html").read_text(encoding="utf-8")
    assert "Optical elements in use" in page
    assert "F115W/CLEAR" in page
    assert "60.0%" in page


def test_files_that_are_not_available_do_not_count_and_each_walk_has_its_own_rows(archive: ToyArchive) -> None:
    archive.put("a.txt", exposure("a", 1, 1, "@filter F115W"))
    archive.ingest()
    assert archive.run("monitor", "run", "filesystem").returncode == 0
    with archive.catalog.begin() as conn:
        conn.exec_driver_sql("update core.file set state = 'missing' where received")
    archive.run("monitor", "run", "filesystem")
    walks = archive.rows(
        "select r.run_id, count(e.element) from ops.scan_run r left join ops.scan_element e using (run_id) "
        "group by r.run_id, r.at order by r.at"
    )
    assert [n for _, n in walks] == [1, 0]


def test_an_instrument_without_optical_elements_has_no_rows(archive: ToyArchive) -> None:
    from archive.instruments.base import instrument, optical_elements_of

    assert optical_elements_of(instrument("idex")) is None
    assert optical_elements_of(instrument("toy")) is not None
