"""Policy over live tables of a whole cloud: how changes travel between its processes."""
