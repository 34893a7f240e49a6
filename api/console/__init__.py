"""The command line: a client of the REST API, and the screen of `congress up`."""
