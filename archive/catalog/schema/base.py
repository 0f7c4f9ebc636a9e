"""The one `MetaData`, its naming convention, and the column forms that repeat."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Identity, MetaData, Text, func

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def key(comment: str = "Surrogate key; never reused, gaps are normal.") -> Column[Any]:
    """Return a bigint identity primary key."""
    return Column("id", BigInteger, Identity(always=False), primary_key=True, comment=comment)


def name(column: str, comment: str, **kwargs: Any) -> Column[Any]:
    """Return a text column ordered by bytes, equal on every server whatever its locale."""
    kwargs.setdefault("nullable", False)
    return Column(column, Text(collation="C"), comment=comment, **kwargs)


def time(column: str, comment: str, **kwargs: Any) -> Column[Any]:
    """Return a UTC time column."""
    return Column(column, DateTime(timezone=True), comment=comment, **kwargs)


def now(column: str, comment: str) -> Column[Any]:
    """Return a UTC time column that defaults to the start of the transaction."""
    return time(column, comment, nullable=False, server_default=func.now())


def ref(column: str, target: str, comment: str, *, ondelete: str | None = None, **kwargs: Any) -> Column[Any]:
    """Return a foreign key column."""
    kwargs.setdefault("nullable", False)
    return Column(column, BigInteger, ForeignKey(target, ondelete=ondelete), comment=comment, **kwargs)
