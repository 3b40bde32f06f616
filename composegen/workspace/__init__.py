"""The folder of a stack: its environment, secrets, state files and project name."""
