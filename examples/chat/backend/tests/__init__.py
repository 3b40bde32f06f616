"""Tests of the backend, against a hand-written router and a real Redis."""
