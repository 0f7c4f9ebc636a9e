"""Packets of any mission, by the definition given on the command line."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path

import pytest

import archive
from archive.catalog import Catalog
from archive.cli import run
from archive.instruments.idex.simulate import Options, simulate
from archive.store import init_home


def test_a_definition_gives_a_table_per_apid_and_catalog_rows(catalog_one: Catalog, tmp_path: Path) -> None:
    home = init_home(tmp_path / "archive", catalog_one.url).root
    written = simulate(tmp_path / "downlink.bin", Options(events=3, seed=2))
    with as_file(files("archive.instruments.idex") / "idex.xml") as definition:
        arguments = ["--home", str(home), "--quiet", "ingest", "--xtce", str(definition), str(written.files[0])]
        assert run(arguments) == 0
    with archive.connect(home) as a:
        (made,) = a.files("xtce", level="l1a")
        packets = a.sql("select apid, n_packets from packets order by apid")
        with a.open(made) as hdf5:
            assert hdf5["apid_1424/SCI0_HEADER/TXHDREVTNUM"][:].tolist() == [0, 1, 2]
            assert sum(len(group[f"{name}/PKT_APID"]) for group in hdf5.values() for name in group) == written.packets
    assert sum(row["n_packets"] for row in packets) == written.packets


def test_a_broken_definition_is_one_sentence(
    catalog_one: Catalog, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = init_home(tmp_path / "archive", catalog_one.url).root
    simulate(tmp_path / "downlink.bin", Options(events=1, seed=2))
    (tmp_path / "broken.xml").write_text("<SpaceSystem", encoding="utf-8")
    arguments = ["ingest", "--xtce", str(tmp_path / "broken.xml"), str(tmp_path / "downlink.bin")]
    assert run(["--home", str(home), *arguments]) != 0
    told = capsys.readouterr().err
    assert "broken.xml" in told
    assert "Traceback" not in told
