"""How well does it scale? A deterministic simulator of one job under a trace of its request rate, the policies of
others as baselines, and the comparison at equal cost. `python -m bench.elastic --help`; docs/elastic-benchmarks.md.

`ocean` in it is `apps.elastic.planning.decide`: the very code that runs in production. Standard library only, so that
the same seed gives the same bytes everywhere.
"""
