"""The text file for Prometheus is always a valid one."""

from __future__ import annotations

import math
import re
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from archive.access import Access
from archive.catalog import Catalog
from archive.cli import cli
from archive.config import Settings
from monitors.declare import declared
from monitors.runner import run_monitor
from monitors.textfile import exposition, publish, render

# Prometheus text exposition format 0.0.4.
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(\\\\|\\"|\\n|[^"\\\n])*"'
SAMPLE = re.compile(rf"(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(\{{({LABEL},?)*\}})? (?P<value>\S+)")


def series(text: str) -> dict[str, float]:
    """Read the format as its description says; asserts that it is followed."""
    assert text == "" or text.endswith("\n")
    found: dict[str, float] = {}
    typed: set[str] = set()
    current = None
    for line in text.split("\n")[:-1]:
        if line.startswith("# TYPE "):
            current = line.split(" ")[2]
            assert current not in typed, "one block a name"
            typed.add(current)
        elif not line.startswith("# HELP "):
            match = SAMPLE.fullmatch(line)
            assert match is not None, line
            assert match["name"] == current
            key = line.rpartition(" ")[0]
            assert key not in found, "each series once"
            found[key] = float(match["value"].replace("Inf", "inf"))
    return found


names = st.text(min_size=1, max_size=12)
samples = st.tuples(names, st.dictionaries(names, st.text(max_size=12), max_size=3), st.floats())


@given(st.lists(samples, max_size=12))
def test_any_names_labels_and_values_give_valid_text(given_samples: list[tuple[str, dict[str, str], float]]) -> None:
    series(exposition(given_samples))


def test_what_it_looks_like() -> None:
    text = exposition(
        [
            ("area used-bytes", {"area": 'C:\\"x"\nnew', "monitor": "fs"}, 5.0),
            ("load", {}, 0.25),
            ("gap", {}, math.nan),
            ("huge", {}, -math.inf),
        ]
    )
    assert 'pinakes_area_used_bytes{area="C:\\\\\\"x\\"\\nnew",monitor="fs"} 5\n' in text
    assert "pinakes_load 0.25\n" in text
    assert "pinakes_gap NaN\n" in text
    assert "pinakes_huge -Inf\n" in text
    assert "# TYPE pinakes_load gauge\n" in text


def test_metrics_and_states_of_an_archive(catalog_one: Catalog, settings: Settings, tmp_path: Path) -> None:
    for name in ("good", "raises", "jobs"):
        run_monitor(settings, declared(settings, name), patience=5)
    with catalog_one.read() as conn:
        found = series(render(conn, datetime.now(UTC)))
    assert found['pinakes_trial_size_bytes{area="files",monitor="good"}'] == 12.5
    assert not [name for name in found if "trial_gap" in name], "a gap is absent, not zero"
    assert found['pinakes_job_up{monitor="good"}'] == 1
    assert found['pinakes_job_up{monitor="raises"}'] == 0
    assert 'pinakes_job_up{monitor="idle"}' not in found
    assert found["pinakes_textfile_timestamp_seconds"] > 1.7e9
    out = tmp_path / "collector" / "pinakes.prom"
    done = CliRunner().invoke(cli, ["--home", str(settings.home), "metrics", "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert set(found) <= set(series(out.read_text(encoding="utf-8")))
    assert out.stat().st_mode & 0o777 == 0o644
    done = CliRunner().invoke(cli, ["--home", str(settings.home), "metrics"])
    assert set(found) <= set(series(done.stdout))


def test_a_reader_never_meets_half_a_file(tmp_path: Path) -> None:
    path = tmp_path / "x.prom"
    texts = {exposition([(f"m{i}", {}, float(k)) for i in range(2000)]) for k in range(2)}
    publish(path, min(texts), Access())
    end = threading.Event()

    def write() -> None:
        while not end.is_set():
            for text in texts:
                publish(path, text, Access())

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(200):
            assert path.read_text(encoding="utf-8") in texts
            assert {p.name for p in tmp_path.glob("*.prom")} == {"x.prom"}
    finally:
        end.set()
        writer.join()


def test_a_folder_that_cannot_be_written_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "x.prom").mkdir()
    with pytest.raises(OSError, match="directory"):
        publish(tmp_path / "x.prom", "text\n", Access())
    assert [p.name for p in tmp_path.iterdir()] == ["x.prom"]
