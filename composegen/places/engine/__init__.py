"""The stack on a Docker engine, carried out by Compose."""
