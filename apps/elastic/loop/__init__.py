"""The control loop: every few seconds, for every job that has a policy, look, decide, write down, act.

process      the lock (one works, however many run), the rhythm, the doorbell that callbacks ring
tick         one turn: a function of the time, the metric sources and the database
facts        what the tick reads of all jobs, in a fixed number of queries
book         what the loop keeps of each job between two ticks
looking      one job in one tick: from what was read to what is decided
seen         what came of that, and the row that tells of it
shares       quotas and room, which many jobs share
samples      asking every cluster's metric source at once
journal      decisions become rows: repeats are merged, memories are checkpointed
acting       a decision becomes an operation, once
"""
