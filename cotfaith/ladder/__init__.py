"""The shipped models of rising size: the sums that they add, how they are trained, and what describes them.

Others use `sums`, `training` and `tokenizer`; `rungs` is a program of its own.
"""
