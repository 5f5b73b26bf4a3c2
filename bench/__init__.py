"""What `make bench` measures: the product against a reference, and both against the targets.

`python -m bench [NAME...] [--quick] [--markdown]`. Each measurement runs in processes of its own, on a
database of its own, with the product's settings; nothing is left behind. See docs/benchmarks.md.
"""
