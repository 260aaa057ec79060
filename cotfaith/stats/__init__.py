"""Estimates: what is measured of a run's outcomes, and how sure it is.

Others use `analysis.analyse` for all of a run, and the functions that it is made of.
"""
