"""Benchmarks: one module each, run by `python -m bench` (`make bench`), each printing a line with its figure and what
it is compared with. Timings are of one machine in one run: read the ratios."""
