"""The Compose file: services, probes, hardening and paths in Compose's words."""
