"""Models: asking turns dialogues into tokens and back, and an engine turns tokens into numbers.

Others use `opening.open_model`, the names in `shipped`, and the protocols in `model` and `engine`.
"""
