"""A Marathon that only pretends: 10,000 apps in memory, and up to 10,000 events a second.

The sandbox runs every task through a real life, which is right for all else and too slow for a storm. This one knows
what the mirror asks of a Marathon, and the truth at every moment, which the benchmarks compare the mirror with.
"""
