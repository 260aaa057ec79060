"""How fast: the local engine beside plain transformers and lm-evaluation-harness, on the same requests.

`run` is a program of its own, and so is `readback`, which counts how written choices are read; no other room
uses this one.
"""
