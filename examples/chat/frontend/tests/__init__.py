"""Tests of the frontend, against a hand-written backend."""
