"""The offline verbs of `congress`: they work on files and recorded tables, without a system."""
