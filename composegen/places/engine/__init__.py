"""The stack on a Docker engine, run by Compose."""
