"""Who asks: the REST API and the command line that speaks it."""
