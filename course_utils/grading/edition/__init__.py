"""The class edition: what a class gets, with no answer in it.

`write.py` makes it on the instructor's machine; `recorded.py`, `given.py` and `store.py` run inside it.
"""
