"""Disturbs what a running stack needs, one fault after another, and sees who copes."""
