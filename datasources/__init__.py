"""Where tables come from: one contract, one service, one file per driver."""
