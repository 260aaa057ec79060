"""Interventions, one a file. The file's name is the intervention's name and its command."""
