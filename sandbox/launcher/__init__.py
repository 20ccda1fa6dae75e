"""Task processes and their keeper.

`process` is a program of its own (the role that executors play in Mesos): parent of all task processes,
alive over a kill -9 of the sandbox, so that exit codes are exact and nothing has to be guessed afterwards.
`client` talks to it.
"""
