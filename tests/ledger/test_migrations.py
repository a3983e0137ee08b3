"""The ledger's schema: every revision opens, keeps its rows, and is never damaged."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from hatchling.builders.wheel import WheelBuilder

from tests.postgres_server import PostgresServer
from workflow.ledger import incidents, notices, plans
from workflow.ledger.databases import migrate
from workflow.ledger.databases.storage import Ledger, open_ledger, sqlite_url
from workflow.ledger.faults import LedgerUnavailable, NewerLedger

ROOT = Path(__file__).resolve().parents[2]
DUMPS = ROOT / "tests" / "fixtures" / "ledgers"


def schema(path: Path) -> dict[str, dict[str, Any]]:
    """The schema of a file's tables: columns with types, keys and indexes."""
    return schema_at(sqlite_url(path))


def schema_at(url: str) -> dict[str, dict[str, Any]]:
    engine = sqlalchemy.create_engine(url)
    try:
        look = sqlalchemy.inspect(engine)
        return {
            name: {
                "columns": {
                    each["name"]: (str(each["type"]), each["nullable"])
                    for each in look.get_columns(name)
                },
                "key": look.get_pk_constraint(name)["constrained_columns"],
                "foreign": _named(look.get_foreign_keys(name), "constrained_columns"),
                "indexes": _named(look.get_indexes(name), "name"),
                "unique": _named(look.get_unique_constraints(name), "column_names"),
                "checks": _named(look.get_check_constraints(name), "name"),
                "options": str(look.get_table_options(name)),
            }
            for name in look.get_table_names()
        }
    finally:
        engine.dispose()


def _named(found: Sequence[Any], name: str) -> dict[str, str]:
    # An index's condition is an object of SQLAlchemy; compare its text.
    return {str(each[name]): json.dumps(each, default=str, sort_keys=True) for each in found}


def rows(path: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {name: database.execute(f'SELECT * FROM "{name}"').fetchall() for (name,) in tables}


def values(path: Path) -> dict[str, list[dict[str, object]]]:
    """Every row of every table, by the names of its columns."""
    with closing(sqlite3.connect(path)) as database:
        database.row_factory = sqlite3.Row
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {
            name: [dict(row) for row in database.execute(f'SELECT * FROM "{name}"')]
            for (name,) in tables
        }


def restore(dump: Path, path: Path) -> Path:
    with closing(sqlite3.connect(path)) as database:
        database.executescript(dump.read_text(encoding="utf-8"))
    return path


def upgrade_from_nothing(url: str) -> None:
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        migrate._upgrade(connection)
    engine.dispose()


def test_the_migrations_arrive_where_the_tables_are(tmp_path: Path) -> None:
    upgrade_from_nothing(sqlite_url(tmp_path / "stepwise"))
    open_ledger(sqlite_url(tmp_path / "whole")).close()
    assert schema(tmp_path / "stepwise") == schema(tmp_path / "whole")
    assert rows(tmp_path / "stepwise")["alembic_version"] == [(migrate.REVISIONS[-1],)]


def test_the_migrations_arrive_where_the_tables_are_on_postgres_too(
    postgres: PostgresServer,
) -> None:
    stepwise, whole = postgres.new_database(), postgres.new_database()
    upgrade_from_nothing(by_sqlalchemy(stepwise))
    open_ledger(whole).close()
    found = [schema_at(by_sqlalchemy(url)) for url in (stepwise, whole)]
    for each in found:
        del each["alembic_version"]  # Alembic's own, which it creates itself
    assert found[0] == found[1]
    open_ledger(stepwise).close()


def by_sqlalchemy(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://")


def test_each_revision_has_its_step_and_a_ledger_of_its_own_to_try_it_on() -> None:
    steps = sorted(path.name[:4] for path in (migrate.SCRIPTS / "versions").glob("[0-9]*.py"))
    dumps = sorted(path.stem for path in DUMPS.glob("*.sql"))
    assert steps == dumps == list(migrate.REVISIONS)


def test_the_steps_are_inside_the_wheel() -> None:
    files = WheelBuilder(str(ROOT)).recurse_included_files()
    shipped = {file.distribution_path for file in files}
    steps = (migrate.SCRIPTS / "versions").glob("[0-9]*.py")
    assert {f"workflow/ledger/migrations/versions/{step.name}" for step in steps} <= shipped
    assert "workflow/ledger/migrations/env.py" in shipped


@pytest.mark.parametrize("revision", migrate.REVISIONS)
def test_a_ledger_of_any_revision_opens_and_keeps_its_rows(tmp_path: Path, revision: str) -> None:
    path = restore(DUMPS / f"{revision}.sql", tmp_path / "ledger.sqlite3")
    ledger = open_ledger(sqlite_url(path))
    try:
        with ledger.read() as connection:
            (incident,) = incidents.all_incidents(connection, profile="google")
            entries = incidents.timeline(connection, incident.id)
            sent = notices.notices_of(connection, incident.id)
            counts = [notices.count_deliveries(connection, notice) for notice in sent]
            (short,) = notices.shortfalls(connection, sent[0].id)
            (file,) = plans.attachments_of(connection, sent[0].id)
    finally:
        ledger.close()
    assert incident.title == "Wrong amounts 🧯 on invoices"
    assert [entry.text for entry in entries if not entry.text.startswith("Wrote")] == [
        "Seen by support",
        "Status: Identified – A stale price list",
        "Said while offline",
    ]
    assert [(each.sent, each.unknown, each.pending) for each in counts] == [(2, 1, 0), (1, 0, 0)]
    assert short.email == "cem@customer.example"
    assert (file.filename, file.content) == ("f.txt", b"details\n")
    open_ledger(sqlite_url(tmp_path / "new")).close()
    assert schema(path) == schema(tmp_path / "new")


@pytest.mark.parametrize("revision", [each for each in migrate.REVISIONS if each >= "0005"])
def test_an_older_ledger_gets_room_for_what_is_new_and_keeps_every_value(
    tmp_path: Path, revision: str
) -> None:
    path = restore(DUMPS / f"{revision}.sql", tmp_path / "ledger.sqlite3")
    before = values(path)
    open_ledger(sqlite_url(path)).close()
    after = values(path)
    assert after["alembic_version"] == [{"version_num": LAST}]
    del before["alembic_version"]
    for name, old_rows in before.items():
        kept = [
            {key: new[key] for key in old} for old, new in zip(old_rows, after[name], strict=True)
        ]
        assert kept == old_rows


def test_facts_of_a_notice_leave_the_templates_variables(tmp_path: Path) -> None:
    path = restore(DUMPS / "0006.sql", tmp_path / "ledger.sqlite3")
    variables = {"postmortem/google": "https://google.example", "names_repliers": True, "x": "1"}
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("UPDATE notices SET variables = ?", [json.dumps(variables)])
    ledger = open_ledger(sqlite_url(path))
    with ledger.read() as connection:
        (incident,) = incidents.all_incidents(connection, profile="google")
        found = notices.notices_of(connection, incident.id)
    ledger.close()
    assert [(each.place, each.names_repliers, each.variables) for each in found] == [
        ("https://google.example", True, {"x": "1"})
    ] * 2


def test_a_row_that_was_left_out_is_read_again(tmp_path: Path) -> None:
    ledger = open_ledger(sqlite_url(restore(DUMPS / "0006.sql", tmp_path / "ledger.sqlite3")))
    try:
        with ledger.read() as connection:
            (left_out,) = notices.rows_left_out_of(connection, "hg8c5znh")
    finally:
        ledger.close()
    assert (left_out.row, left_out.value) == (5, "dora at customer.example")


NEXT_STEP = '''
"""A step as the next version may bring one."""
import sqlalchemy as sa
from alembic import op

revision, down_revision = "9000", "{last}"


def upgrade():
    op.add_column("incidents", sa.Column("channel", sa.Text, server_default="", nullable=False))
    op.execute("UPDATE incidents SET channel = '#' || id")
    {more}
'''


LAST = migrate.REVISIONS[-1]


def next_step(more: str) -> str:
    return NEXT_STEP.format(last=LAST, more=more)


@pytest.fixture
def next_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The next version of this program, with one more migration; returns that file."""
    scripts = tmp_path / "migrations"
    shutil.copytree(migrate.SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(migrate, "SCRIPTS", scripts)
    monkeypatch.setattr(migrate, "REVISIONS", (*migrate.REVISIONS, "9000"))
    step = scripts / "versions" / "9000_a_channel.py"
    step.write_text(next_step(""), encoding="utf-8")
    return step


def test_an_older_ledger_is_brought_up_to_date_with_its_rows(
    tmp_path: Path, next_version: Path
) -> None:
    path = restore(DUMPS / f"{LAST}.sql", tmp_path / "ledger.sqlite3")
    before = rows(path)
    open_ledger(sqlite_url(path)).close()
    after = rows(path)
    assert after["alembic_version"] == [("9000",)]
    assert after["deliveries"] == before["deliveries"]
    assert after["incidents"] == [(*row, f"#{row[0]}") for row in before["incidents"]]
    open_ledger(sqlite_url(path)).close()  # when it exists, it isn't changed
    assert rows(path) == after


def test_a_step_that_fails_half_way_leaves_the_ledger_as_it_was(
    tmp_path: Path, next_version: Path
) -> None:
    next_version.write_text(
        next_step('op.execute("INSERT INTO nowhere VALUES (1)")'), encoding="utf-8"
    )
    path = restore(DUMPS / f"{LAST}.sql", tmp_path / "ledger.sqlite3")
    before_schema, before_rows = schema(path), rows(path)
    with pytest.raises(sqlalchemy.exc.OperationalError, match="nowhere"):
        open_ledger(sqlite_url(path))
    assert schema(path) == before_schema
    assert rows(path) == before_rows


def test_a_ledger_of_a_newer_version_is_refused_and_not_touched(tmp_path: Path) -> None:
    path = restore(DUMPS / f"{LAST}.sql", tmp_path / "ledger.sqlite3")
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("UPDATE alembic_version SET version_num = '0099'")
    before = path.read_bytes()
    with pytest.raises(NewerLedger, match=r"newer postmortem .*0099.*Update postmortem"):
        open_ledger(sqlite_url(path))
    assert path.read_bytes() == before


def test_another_programs_database_is_refused_and_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "theirs.sqlite3"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE theirs (id INTEGER)")
    before = path.read_bytes()
    with pytest.raises(LedgerUnavailable, match="another program's tables"):
        open_ledger(sqlite_url(path))
    assert path.read_bytes() == before


def test_two_processes_may_open_a_new_ledger_at_once(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "ledger.sqlite3")
    opened: list[Ledger] = [open_ledger(url), open_ledger(url)]
    for ledger in opened:
        with ledger.read() as connection:
            assert incidents.all_incidents(connection, profile="google") == []
        ledger.close()
