"""Full, incremental and threaded walks agree with each other and with an independent listing, whatever happens."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.errors import SettingsError
from archive.store.folders import Area, Folder, Key
from archive.store.grammar import by_pattern, extension, home_files, named, plain
from archive.store.totals import Totals, mount_of, space, spaces
from archive.store.tree import SLOTS, Again, Walk, look_again, slot_of

#: Longer than the tick by which the kernel keeps times of folders.
TICK = 0.02


def walk(areas: list[Area], again: Again | None = None, **options: Any) -> tuple[Totals, dict[Any, Folder], Walk]:
    walk = Walk(areas, again, **options)
    totals, folders = Totals(), {}
    for folder in walk:
        totals.add(folder)
        folders[folder.area, folder.path] = folder
    return totals.finish(), folders, walk


def area(root: Path, name: str = "a", **options: Any) -> Area:
    return Area(name, root, options.pop("grammar", plain), **options)


def summary(totals: Totals) -> Any:
    """Everything that must be equal, however the walk was made."""
    areas = {
        name: (t.n_folders, t.n_entries, t.n_files, t.n_bytes, t.n_alloc, t.n_symlinks, t.n_unrecognised, t.complete)
        for name, t in totals.areas.items()
    }
    return areas, dict(sorted(totals.counts.items())), totals.unrecognised, totals.errors


def listing(root: Path) -> tuple[int, int, int, int]:
    """Count independently: files by inode, their bytes, allocated bytes, symbolic links."""
    seen: dict[tuple[int, int], os.stat_result] = {}
    links = 0
    for folder, folders, files in os.walk(root):
        for name in [*folders, *files]:
            path = Path(folder, name)
            status = path.lstat()
            if path.is_symlink():
                links += 1
            elif name in files:
                seen[status.st_dev, status.st_ino] = status
    found = seen.values()
    return len(seen), sum(s.st_size for s in found), sum(512 * s.st_blocks for s in found), links


def age(folders: dict[Any, Folder]) -> Again:
    """Take the folders as settled, as if seconds had passed since they were listed."""
    time.sleep(TICK)
    for folder in folders.values():
        folder.reused = False
        folder.reusable = folder.complete and not folder.errors
    return Again(folders)


def act(root: Path, chooser: random.Random) -> None:
    """Do one thing to a tree: create, delete, rename or link something somewhere."""
    folders = [root, *(path for path in root.rglob("*") if path.is_dir() and not path.is_symlink())]
    files = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    where = chooser.choice(folders)
    name = f"{chooser.choice('xyz')}_{chooser.randrange(30)}.{chooser.choice(['h5', 'fits.gz', 'txt', 'tmp'])}"
    action = chooser.choice(
        ["file", "file", "file", "folder", "delete", "rename", "move", "link", "hard", "prune", "swap"]
    )
    if action == "file":
        (where / name).write_bytes(b"x" * chooser.randrange(9000))
    elif action == "folder":
        (where / f"d{chooser.randrange(9)}").mkdir(exist_ok=True)
    elif action == "delete" and files:
        chooser.choice(files).unlink()
    elif action == "rename" and files:
        chooser.choice(files).rename(where / name)
    elif action == "move" and len(folders) > 2:
        inner = chooser.choice(folders[1:])
        target = where / f"m{chooser.randrange(99)}"
        if not target.exists() and inner not in (where, *where.parents):
            inner.rename(target)
    elif action == "link" and not (where / "loop").is_symlink():
        (where / "loop").symlink_to(root)
    elif action == "hard" and files and not (where / name).exists():
        os.link(chooser.choice(files), where / name)
    elif action == "prune" and len(folders) > 1:
        shutil.rmtree(chooser.choice(folders[1:]))
    elif action == "swap":
        inner = [path for path in where.iterdir() if path.is_dir() and not path.is_symlink()]
        if len(inner) > 1:
            inner[0].rename(where / "aside")
            inner[1].rename(inner[0])
            (where / "aside").rename(inner[1])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.lists(st.integers(1, 8), min_size=1, max_size=4))
def test_every_kind_of_walk_gives_the_same_as_an_independent_listing(seed: int, steps: list[int]) -> None:
    chooser = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        areas = [area(root, grammar=by_pattern(r"(.*/)?(?P<suffix>[xy])_[^/]*"))]
        _, known, _ = walk(areas)
        for number, actions in enumerate(steps):
            again = age(known)
            for _ in range(actions):
                act(root, chooser)
            full, everything, _ = walk(areas)
            incremental, folders, made = walk(areas, Again(again.folders, number % SLOTS))
            if made.stale:  # a new hard link: only listing everything tells
                incremental, folders = full, everything
            threaded, _, _ = walk(areas, threads=4)
            assert summary(incremental) == summary(full) == summary(threaded)
            total = full.areas["a"]
            assert (total.n_files, total.n_bytes, total.n_alloc, total.n_symlinks) == listing(root)
            known = folders


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Twelve folders with ten files each."""
    for number in range(12):
        folder = tmp_path / "tree" / f"d{number % 3}" / f"e{number}"
        folder.mkdir(parents=True)
        for name in range(10):
            (folder / f"f{name}.h5").write_bytes(b"x" * name)
    return tmp_path / "tree"


def test_an_unchanged_tree_is_not_listed_again(tree: Path) -> None:
    full, folders, _ = walk([area(tree)])
    again, _, made = walk([area(tree)], age(folders))
    assert summary(again) == summary(full)
    assert again.areas["a"].n_listed == 0
    assert made.n_stats == len(folders) == 16


def test_at_most_one_stat_call_an_entry(tree: Path) -> None:
    (tree / "d0/link").symlink_to("/")
    totals, _, made = walk([area(tree)])
    assert made.n_stats == totals.areas["a"].n_files + totals.areas["a"].n_folders


def test_a_file_that_grew_in_place_is_seen_when_its_folder_has_its_turn_and_by_a_full_walk(tree: Path) -> None:
    full, folders, _ = walk([area(tree)])
    again = age(folders)
    with (tree / "d0/e0/f1.h5").open("ab") as out:
        out.write(b"y" * 1000)
    assert summary(walk([area(tree)], again)[0]) == summary(full), "its folder looks as before"
    after = summary(walk([area(tree)])[0])
    assert after != summary(full)
    turn = slot_of("a", "d0/e0")
    assert summary(walk([area(tree)], Again(age(folders).folders, turn))[0]) == after
    found = [summary(walk([area(tree)], Again(age(folders).folders, slot))[0]) for slot in range(SLOTS)]
    assert found.count(after) == 1, "each folder has one turn in as many walks as there are slots"
    assert summary(walk([area(tree, trusted=False)], age(folders))[0]) == after


def test_a_folder_that_has_just_changed_is_listed_again(tree: Path) -> None:
    (tree / "d1/new.h5").touch()
    _, folders, _ = walk([area(tree)])
    assert not folders["a", "d1"].reusable


def test_a_folder_whose_mtime_was_set_back_is_listed_again(tree: Path) -> None:
    before = (tree / "d0/e0").stat()
    _, folders, _ = walk([area(tree)])
    again = age(folders)
    (tree / "d0/e0/late.h5").write_bytes(b"late")
    os.utime(tree / "d0/e0", ns=(before.st_atime_ns, before.st_mtime_ns))
    totals, _, _ = walk([area(tree)], again)
    assert totals.areas["a"].n_files == 121


def test_a_hard_link_counts_once_where_its_first_name_is(tree: Path) -> None:
    os.link(tree / "d0/e0/f9.h5", tree / "d1/again.dat")
    other = tree.parent / "other"
    other.mkdir()
    os.link(tree / "d0/e0/f9.h5", other / "third.dat")
    totals, _, _ = walk([area(other, "b"), area(tree)])
    assert (totals.areas["a"].n_files, totals.areas["b"].n_files) == (120, 0)
    assert totals.areas["b"].n_entries == 1
    assert set(totals.counts) == {("a", Key("", "", "", "h5"))}


def test_a_new_hard_link_makes_an_incremental_walk_doubtful(tree: Path) -> None:
    _, folders, _ = walk([area(tree)])
    again = age(folders)
    os.link(tree / "d0/e0/f9.h5", tree / "d1/again.h5")
    _, _, made = walk([area(tree)], again)
    assert made.stale
    _, folders, _ = walk([area(tree)])
    again = age(folders)
    os.link(tree / "d0/e0/f9.h5", tree / "d2/third.h5")
    totals, _, made = walk([area(tree)], again)
    assert not made.stale
    assert totals.areas["a"].n_files == 120


def test_links_are_counted_and_never_followed(tree: Path) -> None:
    (tree / "dangling").symlink_to(tree / "nothing")
    (tree / "d0/loop").symlink_to(tree)
    (tree / "d1/to_file").symlink_to(tree / "d0/e0/f9.h5")
    (tree / "self").symlink_to("self")
    os.mkfifo(tree / "pipe")
    total = walk([area(tree)])[0].areas["a"]
    assert (total.n_symlinks, total.n_special, total.n_files, total.complete) == (4, 1, 120, True)


def test_an_area_may_be_a_link_and_a_folder_that_became_one_is_not_followed(tree: Path) -> None:
    shown = tree.parent / "shown"
    shown.symlink_to(tree)
    _, folders, _ = walk([area(shown)])
    assert len(folders) == 16
    again = age(folders)
    shutil.move(tree / "d0", tree.parent / "elsewhere")
    (tree / "d0").symlink_to(tree.parent / "elsewhere")
    totals, _, _ = walk([area(shown)], again)
    assert (totals.areas["a"].n_files, totals.areas["a"].n_symlinks) == (80, 1)


def test_an_area_inside_another_is_not_part_of_that_one(tree: Path) -> None:
    totals, folders, _ = walk([area(tree), area(tree / "d0", "inner")])
    assert (totals.areas["a"].n_files, totals.areas["inner"].n_files) == (80, 40)
    again, _, _ = walk([area(tree), area(tree / "d0", "inner")], age(folders))
    assert summary(again) == summary(totals)


def test_space_is_asked_once_for_two_areas_on_one_device(tree: Path) -> None:
    areas = [area(tree / "d0"), area(tree / "d1", "b")]
    totals, _, _ = walk(areas)
    (one,) = spaces(areas, totals)
    assert one.total >= one.used + one.available > 0
    assert one.mount == mount_of(tree) == space(tree).mount
    assert Path(one.mount).stat().st_dev == tree.stat().st_dev


def test_sparse_files_have_both_sizes(tmp_path: Path) -> None:
    with (tmp_path / "sparse.bin").open("wb") as out:
        out.truncate(10_000_000)
    total = walk([area(tmp_path)])[0].areas["a"]
    assert total.n_bytes == 10_000_000
    assert total.n_alloc < 1_000_000


def test_unrecognised_names_are_counted_and_the_others_go_on(tmp_path: Path) -> None:
    folder = tmp_path / "idex/l1a/2026/03"
    folder.mkdir(parents=True)
    for name in ("imap_idex_l1a_events_20260301T000000_ab_v001.h5", "bad name.h5", "zz_idex_20260301.txt", "0.h5"):
        (folder / name).write_bytes(b"1234")
    totals, _, _ = walk([area(tmp_path, grammar=home_files)])
    assert totals.areas["a"].n_files == sum(count.n_files for count in totals.counts.values()) == 4
    assert totals.areas["a"].n_bytes == 16
    assert totals.counts["a", Key("idex", "l1a", "l1a_events", "h5")].n_files == 1
    assert totals.areas["a"].n_unrecognised == 2
    assert totals.unrecognised[0].names == ("0.h5", "bad name.h5")


def test_many_unrecognised_names_keep_the_first(tmp_path: Path) -> None:
    names = [f"{number:05d}.x" for number in range(3000)]
    random.Random(1).shuffle(names)
    for name in names:
        (tmp_path / name).touch()
    totals, _, _ = walk([area(tmp_path, grammar=home_files)])
    assert totals.unrecognised[0].n == 3000
    assert totals.unrecognised[0].names == tuple(f"{number:05d}.x" for number in range(20))


def test_names_that_are_not_utf8_or_hold_markup_are_counted_and_shown_escaped(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"fold\xff")).mkdir()
    for name in (b"\xff\xfe.h5", b"<img src=x>.h5", b"line\nbreak.h5", b"fold\xff/in.h5"):
        (tmp_path / os.fsdecode(name)).write_bytes(b"12")
    totals, folders, _ = walk([area(tmp_path, grammar=home_files)])
    assert totals.areas["a"].n_files == 4
    names = {name for one in totals.unrecognised for name in one.names}
    assert names == {r"\xff\xfe.h5", "<img src=x>.h5", "line\nbreak.h5", "in.h5"}
    for one in folders.values():
        one.listed_at += 10**10
    assert not folders["a", ""].reusable, "the name of a folder in it cannot be kept, so it is listed each time"


def test_what_vanishes_during_the_walk_is_counted_and_the_walk_is_complete(tree: Path) -> None:
    (tree / "top.h5").write_bytes(b"x")

    def names(path: str) -> Any:
        def read(name: str) -> Any:
            if name == "top.h5":
                shutil.rmtree(tree / "d1")
            return ("", "", "")

        return read

    totals, _, _ = walk([area(tree, grammar=names)])
    total = totals.areas["a"]
    assert total.n_files == 81
    assert total.n_errors["vanished"] <= 1
    assert total.complete


def test_what_moves_during_the_walk_is_counted_once_where_it_came_to_lie(tmp_path: Path) -> None:
    """A file, and a folder, leave an area that has been listed for one that has not."""
    for name in ("one/stays", "one/file", "one/sub/inner", "two/other"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x" * 100)
    long_ago = time.time() - 3600
    for path in (*tmp_path.rglob("*"), tmp_path / "one", tmp_path / "two"):
        os.utime(path, (long_ago, long_ago))
    time.sleep(0.05)
    looking = Walk([area(tmp_path / "two", "two"), area(tmp_path / "one", "one")])
    folders = []
    for folder in looking:
        folders.append(folder)
        if (folder.area, folder.path) == ("one", "sub"):
            (tmp_path / "one/file").rename(tmp_path / "two/file")
            (tmp_path / "one/sub").rename(tmp_path / "two/sub")
    assert {folder.area for folder in folders} == {"one", "two"}
    first, settled = Totals(), Totals()
    for folder in folders:
        first.add(folder)
    assert sum(total.n_files for total in first.finish().areas.values()) == 6, "a plain walk meets two files twice"
    assert looking.moved
    for folder in look_again(looking.areas, folders):
        settled.add(folder)
    settled.finish()
    assert {name: (total.n_files, total.n_bytes) for name, total in settled.areas.items()} == {
        "one": (1, 100), "two": (3, 300),
    }  # fmt: skip


def test_a_walk_in_which_nothing_moves_needs_no_second_look(tree: Path) -> None:
    (tree / "new").write_bytes(b"just made")
    looking = Walk([area(tree)])
    for number, _ in enumerate(looking):
        (tree / f"made-{number}").write_bytes(b"and more is made meanwhile")
    assert not looking.moved


def test_a_file_that_vanishes_between_its_name_and_its_stat_is_counted(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"f{number}").touch()
    real = plain("")
    gone: list[str] = []

    def grammar(path: str) -> Any:
        def read(name: str) -> Any:
            if not gone:
                for other in tmp_path.iterdir():
                    if other.name != name:
                        gone.append(other.name)
                        other.unlink()
            return real(name)

        return read

    totals, folders, _ = walk([area(tmp_path, grammar=grammar)])
    total = totals.areas["a"]
    assert (total.n_files, total.n_errors["vanished"], total.complete) == (1, 2, True)
    assert not folders["a", ""].reusable


def test_a_missing_area_is_incomplete_and_the_others_are_counted(tree: Path) -> None:
    totals, _, _ = walk([area(tree), area(tree / "nothing", "b")])
    assert totals.areas["a"].n_files == 120
    assert not totals.areas["b"].complete
    assert not totals.complete


DENIED = """
import json, sys
from pathlib import Path
from archive.store.folders import Area
from archive.store.grammar import plain
from archive.store.totals import Totals
from archive.store.tree import Walk
totals = Totals()
for folder in Walk([Area("a", Path(sys.argv[1]), plain)]):
    totals.add(folder)
total = totals.finish().areas["a"]
print(json.dumps([total.n_files, dict(total.n_errors), totals.complete, [error._asdict() for error in totals.errors]]))
"""


def test_folders_and_files_that_may_not_be_read_are_counted_and_named(tree: Path) -> None:
    """As root everything can be read, so the walk runs under another account."""
    import json

    for folder in [tree, *tree.parents]:
        if folder != Path("/") and folder.stat().st_uid == os.geteuid():
            folder.chmod(folder.stat().st_mode | 0o055)
    (tree / "d0").chmod(0)
    (tree / "d1/e1").chmod(0o444)  # names can be read, nothing about them
    command = [sys.executable, "-c", DENIED, str(tree)]
    if os.geteuid() == 0:
        command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *command]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    finally:
        (tree / "d0").chmod(0o755)
        (tree / "d1/e1").chmod(0o755)
    assert done.returncode == 0, done.stderr
    files, errors, complete, named = json.loads(done.stdout)
    assert (files, errors, complete) == (70, {"denied": 11}, False)
    assert len(named) == 11
    assert {error["kind"] for error in named} == {"denied"}


def test_only_the_first_errors_are_named(tmp_path: Path) -> None:
    totals = Totals()
    for number in range(50, 0, -1):
        folder = Folder("a", f"f{number:02d}", inode=1)
        for name in range(30):
            folder.fail(PermissionError(13, "denied"), f"/a/f{number:02d}/{name:02d}")
        totals.add(folder)
    assert totals.finish().areas["a"].n_errors["denied"] == 1500
    assert [error.path for error in totals.errors] == [f"/a/f01/{name:02d}" for name in range(20)]


def test_the_sum_does_not_depend_on_the_order_of_folders(tree: Path) -> None:
    os.link(tree / "d0/e0/f9.h5", tree / "d1/again.dat")
    folders = list(walk([area(tree, grammar=home_files)])[1].values())
    sums = []
    for seed in range(5):
        random.Random(seed).shuffle(folders)
        totals = Totals()
        for folder in folders:
            totals.add(folder)
        sums.append(summary(totals.finish()))
    assert all(one == sums[0] for one in sums)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("a.FITS.gz", "fits.gz"), ("a.tar.xz", "tar.xz"), ("noext", ""), (".hidden", ""), (".hidden.gz", "gz"),
        ("core.12345", ""), ("a.0001.h5", "h5"), ("x.<img src=x>", ""), ("a.", ""), ("a.gz", "gz"), ("v1.2.cdf", "cdf"),
        ("x.verylongextension", ""),
    ],
)  # fmt: skip
def test_extensions(name: str, meant: str) -> None:
    assert extension(name) == meant


@pytest.mark.parametrize(
    ("folder", "name", "meant"),
    [
        ("idex/l1a/2026/03", "imap_idex_l1a_events_20260301T000000_ab_v001.h5", ("idex", "l1a", "l1a_events")),
        ("idex/raw/undated", "idex_raw_undated_0123456789abcdef.pkts", ("idex", "raw", "raw")),
        ("xtce/l0/undated", "xtce_0123456789abcdef_01234567_v01.h5", ("xtce", "l0", "")),
        ("idex/raw/2026", "idex_raw_undated_0123456789abcdef.pkts", None),
        ("idex/raw/2026/03", "fast_raw_undated_0123456789abcdef.pkts", None),
    ],
)  # fmt: skip
def test_names_of_the_archive(folder: str, name: str, meant: Any) -> None:
    assert home_files(folder)(name) == meant


def test_a_pattern_is_a_grammar_and_a_broken_one_is_one_sentence() -> None:
    grammar = by_pattern(r"(?P<instrument>[a-z]+)/.*_(?P<suffix>[a-z]+)\.fits(\.gz)?")
    assert grammar("nircam")("jw1_rate.fits") == ("nircam", "", "rate")
    assert grammar("nircam")("jw1") is None
    with pytest.raises(SettingsError, match="not a regular expression"):
        by_pattern("(")
    with pytest.raises(SettingsError, match=r"no grammar 'other'.*home, plain"):
        named("other")


def test_counting_is_by_full_extension(tmp_path: Path) -> None:
    for name in ("a.fits", "b.fits.gz", "c.fits.gz", "d.txt"):
        (tmp_path / name).touch()
    totals, _, _ = walk([area(tmp_path)])
    assert Counter({key.extension: count.n_files for (_, key), count in totals.counts.items()}) == {
        "fits": 1, "fits.gz": 2, "txt": 1,
    }  # fmt: skip


def test_many_examples_of_one_area_leave_room_for_those_of_another() -> None:
    totals = Totals()
    for name in ("a", "b"):
        for number in range(300):
            folder = Folder(name, f"f{number:03d}", inode=1, n_unrecognised=1, unrecognised=["x"])
            folder.fail(PermissionError(13, "denied"), f"/{name}/f{number:03d}")
            totals.add(folder)
    assert [one.path for one in totals.unrecognised if one.area == "b"] == [f"f{n:03d}" for n in range(100)]
    assert len(totals.errors_of("b")) == len(totals.errors) == 20
