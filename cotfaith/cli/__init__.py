"""The command line: it parses, calls one function of the library and prints.

`app.main` is the way in; no other room uses this one.
"""
