"""What Ocean keeps in a Falcon: a template with a signed callback and a host group for each job that is scaled.

names       under which names, so that nobody else's things are touched
rules       the strategies that a policy makes, and the usual ones for containers and hosts; pure
wanted      what should be there, from rows
found       what is there, asked of the portal
planning    the difference between the two, as steps; pure
steps       takes one step
reconcile   takes all steps for one cluster: of jobs that changed, or of everything
rounds      which clusters and jobs have their turn; what if a Falcon is away or slow
hints       which jobs changed, as a set in Redis
drifts      what somebody else changed there, shown to SREs; `words` says it in lines

callback    the address that Falcon's alarm calls, in front of Django
signing     the signature in that address
keys        which of the signed addresses still count
"""
