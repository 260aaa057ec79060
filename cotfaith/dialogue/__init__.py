"""Text in, text out: what models are shown, how it is written for them, and how their words are read.

Others use all of it; a task may have its own reading of answers.
"""
