"""What a test process works out once, where a program does it at each start.

A command and a rehearsal Google each start once. A process of tests starts thousands of both, and
compiling their SQL and their addresses took a quarter of its time (measured).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.util import LRUCache
from werkzeug.routing import Rule

from workflow import files
from workflow.ledger.tables import metadata

_STATEMENTS: Any = LRUCache(2000)


def share_compiled_statements() -> None:
    """Let every SQLite engine made from now on use the statements that another has compiled."""
    # The dialect is a part of a statement's key, and all those of one SQLite are alike.
    SQLiteDialect_pysqlite.__hash__ = lambda self: hash(type(self))  # type: ignore[method-assign]
    SQLiteDialect_pysqlite.__eq__ = lambda self, other: type(self) is type(other)  # type: ignore[method-assign]
    event.listen(Engine, "engine_connect", _use_what_is_compiled)


def _use_what_is_compiled(connection: Any) -> None:
    if connection.dialect.name == "sqlite":
        connection.execution_options(compiled_cache=_STATEMENTS)


def create_tables_from_what_was_said() -> None:
    """Create a new file's tables by the statements with which the first one was created."""
    create = metadata.create_all
    said: list[str] = []

    def create_all(connection: Any, *more: Any, **named: Any) -> None:
        if connection.dialect.name != "sqlite":
            create(connection, *more, **named)
            return
        if not said:

            def listen(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
                if statement.lstrip().startswith("CREATE"):
                    said.append(statement)

            event.listen(connection, "before_cursor_execute", listen)
            create(connection, *more, **named)
            event.remove(connection, "before_cursor_execute", listen)
            return
        for statement in said:
            connection.exec_driver_sql(statement)

    metadata.create_all = create_all  # type: ignore[method-assign, assignment]


def derive_each_key_once() -> None:
    """Derive the key of a passphrase and a salt once: slow on purpose, and always the same."""
    files._key = functools.cache(files._key)


def compile_addresses_when_needed() -> None:
    """Let Flask compile how a page's address is built when that page's address is first wanted."""
    compile_now: Any = Rule._compile_builder

    def compile_later(rule: Rule, append_unknown: bool = True) -> Callable[..., Any]:
        made: list[Callable[..., Any]] = []

        def build(*arguments: Any, **named: Any) -> Any:
            if not made:
                made.append(compile_now(rule, append_unknown))
            return made[0](*arguments, **named)

        return build

    Rule._compile_builder = compile_later  # type: ignore[method-assign, assignment]
