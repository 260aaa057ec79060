"""Rows of benchmark files and of the hub, each knowing where it stands.

Others use `files` to read and `row.Row`.
"""
