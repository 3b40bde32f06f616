"""Where a plan runs; the values that all places share."""
