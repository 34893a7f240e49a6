"""The processes of one data directory: who starts them, watches them, and stops them."""
