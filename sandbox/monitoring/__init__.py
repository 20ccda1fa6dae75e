"""What Falcon's agents do in the sandbox: measure hosts and containers, and push to a Falcon.

    measuring   samples from what tasks use and what the machine says; pure
    agents      the loop: every step, one push for each host

A virtual host's CPU and memory are those of its tasks; load and disk are the machine's own, which all share. A
container is a host of its own, under its task's id, as on a real installation whose agents run in containers.
"""
