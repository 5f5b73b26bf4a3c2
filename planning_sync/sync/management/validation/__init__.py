"""`planning-sync validate` and `planning-sync new`: they need no database, and Django is not loaded for them.

`command` and `starting` do the work for both ways of calling them, `quick` is the way without Django.
"""
