"""One run, one folder: what was measured is kept under keys that say what it is, and is never measured again.

Others use `store.Store` to write, `contents` and `frames` to read, and `merging.merge`.
"""
