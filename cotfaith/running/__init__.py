"""A study: what is asked, of which models, in which order, on one machine or several.

Others use `options.Study`, `plan.prepare`, `circumstances.begin`, and `runner.run` or `workers.run`.
"""
