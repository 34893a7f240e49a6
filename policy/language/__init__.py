"""The policy language: text to rules and back, with diagnostics."""
