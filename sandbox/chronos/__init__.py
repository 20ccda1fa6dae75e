"""A Chronos that keeps jobs: list, search, create, replace, delete, and the graph. It runs none.

Both lines are served at once, 3.x under `/v1/scheduler` and 2.x under `/scheduler`, each with its own errors.
Source: `chronos/src/main/scala/org/apache/mesos/chronos/` at 2.4 and 3.0.2.
"""
