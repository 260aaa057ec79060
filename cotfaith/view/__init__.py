"""A run looked at, one thing at a time: pages for one reader on this machine.

`serving.serve` is what the command line calls; `app.app` is the pages by themselves.
"""
