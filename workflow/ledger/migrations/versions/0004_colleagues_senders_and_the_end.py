"""Announcements, several senders, bounces, replies, the customers' version, and the closing."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_ADDED: tuple[tuple[str, sa.Column[str] | sa.Column[int]], ...] = (
    ("incidents", sa.Column("close_reason", sa.Text, nullable=False, server_default="")),
    ("incidents", sa.Column("locked_at", sa.BigInteger)),
    ("notices", sa.Column("transport", sa.String(12), nullable=False, server_default="gmail")),
    ("deliveries", sa.Column("sender", sa.String(320), nullable=False, server_default="")),
)


def upgrade() -> None:
    """From revision 0003: nothing announced, bounced or published; one sender, through Gmail."""
    for table, column in _ADDED:
        op.add_column(table, column)
    _create_announcements()
    _create_what_came_back()
    _create_publications()


def _create_announcements() -> None:
    op.create_table(
        "announcements",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(40), nullable=False, unique=True),
        sa.Column("incident_id", sa.String(40), sa.ForeignKey("incidents.id"), nullable=False),
        sa.Column("channel", sa.String(20), nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("draft_id", sa.Text, nullable=False),
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("said_at", sa.BigInteger, nullable=False),
        sa.Column("called_at", sa.BigInteger),
        sa.Column("sent_at", sa.BigInteger),
    )
    op.create_index("ix_announcements_incident_id", "announcements", ["incident_id"])


def _create_what_came_back() -> None:
    op.create_table(
        "bounces",
        sa.Column("message_id", sa.String(200), primary_key=True),
        sa.Column("delivery_id", sa.Integer, sa.ForeignKey("deliveries.id"), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_bounces_delivery_id", "bounces", ["delivery_id"])
    op.create_table(
        "replies",
        sa.Column("message_id", sa.String(200), primary_key=True),
        sa.Column("delivery_id", sa.Integer, sa.ForeignKey("deliveries.id"), nullable=False),
        sa.Column("automatic", sa.Boolean, nullable=False),
        sa.Column("received_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_replies_delivery_id", "replies", ["delivery_id"])


def _create_publications() -> None:
    op.create_table(
        "publications",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("incident_id", sa.String(40), sa.ForeignKey("incidents.id"), nullable=False),
        sa.Column("markdown", sa.Text, nullable=False),
        sa.Column("left_out", sa.JSON, nullable=False),
        sa.Column("doc_state", sa.String(12), nullable=False),
        sa.Column("doc_called_at", sa.BigInteger),
        sa.Column("doc_id", sa.String(200), nullable=False),
        sa.Column("doc_url", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_publications_incident_id", "publications", ["incident_id"])
