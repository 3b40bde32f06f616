"""A plan goes out: the files that are written for what runs it."""
