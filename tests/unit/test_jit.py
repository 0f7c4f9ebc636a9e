"""Where compiled kernels are kept."""

from __future__ import annotations

from pathlib import Path

from archive.numerics.jit import cache_folder


def test_kernels_are_kept_apart_for_each_state_of_the_code(tmp_path: Path) -> None:
    one, two = tmp_path / "one.py", tmp_path / "two.py"
    one.write_text("a = 1")
    two.write_text("b = 1")
    base = tmp_path / "cache"
    before = cache_folder(base, [one, two])
    assert before.parent == base
    assert cache_folder(base, [two, one]) == before
    assert cache_folder(before, [one, two]) == before
    two.write_text("b = 2")
    assert cache_folder(base, [one, two]) != before
