"""Ocean's command line. It talks to the REST API and imports nothing else of Ocean's.

`main` is the tree of commands, each loaded when it is called; `commands/` has them. `http` speaks to the API, `errors`
says how a command ends, `documents`, `plans` and `saving` turn files into jobs, `following` waits for operations.
"""

__version__ = "0.1.0"
