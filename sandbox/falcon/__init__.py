"""Open-Falcon v0.3 on one port: push, portal API, judge, alarm, graph; its own process (`python -m sandbox.falcon`).

What a client can see follows upstream, quirks included; the processes that upstream has are modules here, and talk by
calls instead of RPC, MySQL and Redis. Paths are upstream's, so one port can hold them all.

Who does what
    profile         the time constants: `fast` (a point every 5 s) and `stock` (upstream's own)
    samples         what is pushed: checking, tags, counters' names
    transfer        takes pushes, floors timestamps, hands on to judge and graph
    archive, graph  round-robin files, history, last points, the index of endpoints and counters
    portal/         /api/v1: people, teams, host groups, templates, strategies, expressions, aggregators, nodata
    hbs             which strategies hold for which endpoint, as of its last look at the portal
    functions       all(#3), diff(#2) … as pure functions
    judge           judges each point on arrival, keeps incidents, makes events
    alarm           two queues of events, each handled one by one: archive, action, callback
    aggregator      sums over host groups
    nodata          mock values for series that fell silent
    server          the routes; `faults` is the door for making things go wrong
"""
