"""Adopting a project of another format: read it, write a stack file, prove it."""
