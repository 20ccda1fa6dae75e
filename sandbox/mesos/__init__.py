"""Mesos' HTTP APIs over a cluster: the master on one port, all its agents on another.

The agents share one listener, so each is found by its libprocess prefix `slave(1)`, `slave(2)` …, while
`/files/*` takes none: absolute paths tell the hosts apart. Source: `mesos/src/master`, `src/slave`,
`src/files`, `src/internal/…` at 1.11.
"""
