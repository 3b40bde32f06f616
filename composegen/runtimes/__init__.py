"""Where services run: one module for each kind of place."""
