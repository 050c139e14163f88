"""What the log tells of a failure: where and of which kind, but no id, no object, no key (policy.md channel 34)."""

from __future__ import annotations

import logging

import pytest
from flask import Flask
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError, OperationalError

from exchange import app, taxiierrors

SECRET = "indicator--3f1c7a2e-0000-4000-8000-5ec2e75ec2e7"


def _failing(error: Exception) -> Flask:
    """An application with the exchange's errors and one view, which raises."""
    application = Flask("failing")
    taxiierrors.install(application, taxiierrors.Renderer(app.new_id))

    @application.get("/")
    def fail() -> str:
        raise error

    return application


def _of_a_statement(sql: str) -> Exception:
    """What SQLAlchemy raises for a statement with values, which it quotes."""
    engine = create_engine("sqlite://")
    with engine.begin() as conn:
        conn.execute(text("CREATE TABLE t (id TEXT PRIMARY KEY)"))
        conn.execute(text("INSERT INTO t VALUES (:id)"), {"id": SECRET})
        with pytest.raises((IntegrityError, OperationalError)) as caught:
            conn.execute(text(sql), {"id": SECRET})
    engine.dispose()
    assert SECRET in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (KeyError(SECRET), 500, "builtins.KeyError"),
        (_of_a_statement("INSERT INTO t VALUES (:id)"), 500, "SQLITE_CONSTRAINT_PRIMARYKEY"),
        (_of_a_statement("INSERT INTO nowhere VALUES (:id)"), 503, "no such table: nowhere"),
        (OSError(28, "No space left on device", SECRET), 500, "(28)"),
    ],
    ids=["a lookup", "a constraint", "the database", "the disk"],
)
def test_the_log_says_where_and_of_which_kind_and_quotes_nothing(
    caplog: pytest.LogCaptureFixture, error: Exception, status: int, told: str
) -> None:
    with caplog.at_level(logging.WARNING, logger="exchange.taxii"):
        found = _failing(error).test_client().get("/")
    assert found.status_code == status
    assert "in fail" in caplog.text
    assert told in caplog.text
    assert SECRET not in caplog.text + found.text


def test_the_causes_of_a_failure_are_told_too(caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise RuntimeError(SECRET) from ValueError(SECRET)
    except RuntimeError as caught:
        error = caught
    with caplog.at_level(logging.WARNING, logger="exchange.taxii"):
        _failing(error).test_client().get("/")
    assert "builtins.RuntimeError" in caplog.text
    assert "builtins.ValueError" in caplog.text
    assert SECRET not in caplog.text
