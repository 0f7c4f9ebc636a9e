"""Every revision goes up, down and up again, with rows inside; two processes may upgrade at once."""

from __future__ import annotations

import threading

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import text

from archive.catalog import Catalog, migrate, views
from archive.catalog.revision import revisions
from archive.errors import ArchiveError, SchemaBehind, UsageError
from tests.migrations.sample import counts, fill


def test_revisions_are_one_line_whose_ids_are_their_file_names(empty_catalog: Catalog) -> None:
    with empty_catalog.begin() as conn:
        script = ScriptDirectory.from_config(migrate.configuration(conn))
    line = [found.revision for found in script.walk_revisions()][::-1]
    assert tuple(line) == revisions()
    assert script.get_heads() == [migrate.head()]


@pytest.mark.parametrize("revision", revisions())
def test_a_revision_goes_up_down_and_up_with_rows_inside(empty_catalog: Catalog, revision: str) -> None:
    below = (migrate.BASE, *revisions())[revisions().index(revision)]
    migrate.upgrade(empty_catalog, revision)
    with empty_catalog.begin() as conn:
        filled = fill(conn)
    assert filled
    migrate.downgrade(empty_catalog, below)
    with empty_catalog.read() as conn:
        left = counts(conn)
    assert all(filled[name] == rows for name, rows in left.items()), "what an older revision held stays"
    assert migrate.current(empty_catalog) == (None if below == migrate.BASE else below)
    migrate.upgrade(empty_catalog, revision)
    with empty_catalog.read() as conn:
        assert set(counts(conn)) == set(filled)


def test_everything_goes_up_down_and_up_with_rows_inside(catalog: Catalog) -> None:
    with catalog.begin() as conn:
        fill(conn)
    assert migrate.downgrade(catalog, migrate.BASE) == migrate.head()
    with catalog.read() as conn:
        assert counts(conn) == {}
    assert migrate.upgrade(catalog) is None
    catalog.check_schema()


def test_an_upgrade_keeps_the_rows_and_the_second_does_nothing(empty_catalog: Catalog) -> None:
    migrate.upgrade(empty_catalog, revisions()[0])
    with empty_catalog.begin() as conn:
        filled = fill(conn)
    migrate.upgrade(empty_catalog)
    with empty_catalog.read() as conn:
        now = counts(conn)
        views_before = conn.execute(text("select oid from pg_class where relkind = 'v' order by 1")).all()
    assert {name: now[name] for name in filled} == filled
    assert migrate.upgrade(empty_catalog) == migrate.head()
    with empty_catalog.read() as conn:
        assert conn.execute(text("select oid from pg_class where relkind = 'v' order by 1")).all() == views_before


def test_two_upgrades_at_once_are_one(empty_catalog: Catalog) -> None:
    failures: list[BaseException] = []

    def run() -> None:
        try:
            with Catalog.from_url(empty_catalog.url) as mine:
                migrate.upgrade(mine)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    empty_catalog.check_schema()


def test_connecting_says_what_to_do_about_the_schema(empty_catalog: Catalog) -> None:
    with pytest.raises(SchemaBehind, match=r"no tables of Pinakes yet.*pinakes db upgrade"):
        empty_catalog.check_schema()
    migrate.upgrade(empty_catalog, revisions()[0])
    with pytest.raises(SchemaBehind, match=f"at revision {revisions()[0]}.*pinakes db upgrade"):
        empty_catalog.check_schema()
    with empty_catalog.begin() as conn:
        conn.execute(text("update ops.alembic_version set version_num = '9999_later'"))
    with pytest.raises(SchemaBehind, match="newer Pinakes"):
        empty_catalog.check_schema()


def test_an_unknown_revision_is_a_usage_error(catalog_one: Catalog) -> None:
    with pytest.raises(UsageError, match="no revision 'nonsense'"):
        migrate.upgrade(catalog_one, "nonsense")
    with pytest.raises(UsageError, match="no revision 'nonsense'"):
        migrate.downgrade(catalog_one, "nonsense")


def test_a_failing_upgrade_leaves_the_schema_as_it_was(catalog_one: Catalog) -> None:
    """A view somebody built on ours stands in the way of new views: it is named, and nothing has changed."""
    with catalog_one.begin() as conn:
        conn.execute(text("create view public.mine as select file_id from analysis.files"))
        conn.execute(text("comment on schema analysis is 'older'"))
    with pytest.raises(ArchiveError, match="view mine depends"):
        migrate.upgrade(catalog_one)
    with catalog_one.read() as conn:
        assert conn.execute(text("select count(*) from analysis.files")).scalar() == 0
    with catalog_one.begin() as conn:
        conn.execute(text("drop view public.mine"))
    migrate.upgrade(catalog_one)
    with catalog_one.read() as conn:
        assert views.up_to_date(conn)


def test_a_view_that_is_no_longer_declared_goes(catalog_one: Catalog) -> None:
    with catalog_one.begin() as conn:
        conn.execute(text("create view analysis.old as select 1 as x"))
        conn.execute(text("comment on view analysis.old is 'Earlier. [Pinakes]'"))
        conn.execute(text("create view analysis.own as select 1 as x"))
        conn.execute(text("comment on schema analysis is 'older'"))
    migrate.upgrade(catalog_one)
    with catalog_one.read() as conn:
        query = text("select to_regclass('analysis.old'), to_regclass('analysis.own')::text")
        assert tuple(conn.execute(query).one()) == (None, "analysis.own"), "what analysts made stays"
