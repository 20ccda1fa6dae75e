"""A whole cluster on one machine: Marathon, Mesos and Chronos wire APIs over real local processes.

It is not a mock. Virtual hosts have attributes and finite resources, tasks are processes with their own
group, environment and sandbox folder, and everything a client can see follows the upstream contracts.
The package stands alone (asyncio and aiohttp); `python -m sandbox --help` starts it.

Who does what
    config          what to run: clusters, hosts, ports, time constants (JSON file or command line)
    model           the state of one cluster as plain dataclasses: Cluster, Host, App, Group, Instance, Task,
                    Deployment. Everybody reads it; who may write is said at each class
    resources       Mesos resources and attributes: parsing, and the account of each host
    timestamps, ids Marathon's spelling of times, versions, instance and task ids
    store           the state on disk (SQLite), so that kill -9 loses nothing
    launcher/       the process that owns the tasks' processes and outlives the rest
    scheduler/      offers and matching, launching, killing, health, back-off, deployments
    definitions/    app and group JSON: schema, defaults, old forms, validation with Marathon's own words
    marathon/       Marathon's HTTP API and event stream
    mesos/          the master's and agents' HTTP APIs, sandbox files
    chronos/        the Chronos HTTP API
    falcon/         Open-Falcon, a process of its own
    monitoring/     agents that measure hosts and tasks, and push to it
    demo/           programs to run as tasks
    faults/         the admin door: lose hosts, break the API, spoil the event stream
    testing         start a sandbox from a test
"""
