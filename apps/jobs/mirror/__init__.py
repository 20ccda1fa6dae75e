"""The mirror: what the scheduler says, in our tables.

`apply` writes statuses in bulk, `watcher` keeps one cluster's mirror true from its event stream, snapshots and
light polls, `lock` lets two watchers run and one work.
"""
