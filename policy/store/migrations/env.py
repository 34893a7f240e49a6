"""Run by alembic: migrates over the connection that `upgrade.py` hands in, in its transaction."""

from __future__ import annotations

from alembic import context

from congress_dist.policy.store.models import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
