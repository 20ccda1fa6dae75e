"""A Chronos that runs jobs: repeating schedules with time zones and dependents, as processes on the cluster's hosts.

Both lines are served at once, 3.x under `/v1/scheduler` and 2.x under `/scheduler`, each with its own errors; whose
rules decide what is due is the configuration's (`chronos_line`).
Source: `chronos/src/main/scala/org/apache/mesos/chronos/` at 2.4 and 3.0.2.

`schedule` and `jobs` read what clients write, `registry` keeps it, `scheduler` decides what runs when, `executor` runs
it, `history` remembers, `reports` tells, `service` puts them together, `api` is the HTTP door.
"""
