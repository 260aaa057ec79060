"""Known truth: models in which the use of reasoning was planted, data sets whose numbers are known, and what
every intervention and estimator makes of them.

The command line uses `trial.hold`; `planting` and `validation` are programs of their own.
"""
