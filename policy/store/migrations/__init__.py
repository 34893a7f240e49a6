"""Migrations of the rule database."""
