"""The chat stack in a real browser, through all of its services."""
