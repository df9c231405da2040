"""Alembic's entry: runs the steps on the connection that registry/migrating.py opened."""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection)
context.run_migrations()
