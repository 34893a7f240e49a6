"""The rule database: the only importer of SQLAlchemy and oslo.db."""
