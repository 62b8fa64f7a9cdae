"""Copies the rows of tables from one database to another, whatever each of them is."""

from __future__ import annotations

from sqlalchemy import Connection, MetaData, Table, delete, insert, select

_BATCH = 1_000


def copy_tables(source: Connection, target: Connection, metadata: MetaData) -> None:
    """Put the rows that `source` has in the place of those that `target` has; both have the tables.

    The copy is of one moment when the source's transaction sees one, as those of `Database.reading` do.
    """
    for table in reversed(metadata.sorted_tables):
        target.execute(delete(table))
    for table in metadata.sorted_tables:
        _copy(source, target, table)


def _copy(source: Connection, target: Connection, table: Table) -> None:
    rows = source.execute(select(table).execution_options(yield_per=_BATCH))
    for batch in rows.mappings().partitions():
        target.execute(insert(table), [dict(row) for row in batch])
