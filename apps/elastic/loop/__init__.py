"""The control loop: every five seconds it looks at every job that has a policy, decides, records and acts.

process      the lock (one process works, the others stand by) and the rhythm of the ticks
doorbell     what wakes the loop between two ticks: Falcon's callbacks, changed instances
tick         one tick, from reading to acting
facts        what a tick reads from the database, in a fixed number of queries
samples      asks every cluster's metric source, all at once
book         what the loop remembers of each job between two ticks
looking      one job in one tick: from what was read to what is decided
seen         the result of that, and the row it becomes
shares       quotas and free room, on which many jobs draw
journal      writes the decisions, merges those that repeat, checkpoints the memories
acting       turns decisions into operations, exactly once
"""
