"""Cues, one a file; found by name, as `--plugin FILE` and the entry points `cotfaith.cues` are."""
