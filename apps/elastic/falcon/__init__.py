"""What Ocean keeps in a Falcon: a template with a signed callback and a host group for each job that is scaled.

wanted      what should be there, from rows
found       what is there, from the portal
rules       which strategies a policy makes, and the usual ones
planning    the difference as steps; pure
steps       doing one step
reconcile   all of it for one cluster: by timer, and soon after something changed
rounds      over all clusters; hints says which jobs changed, drifts what SREs are shown
signing     the signature in a callback's URL
keys        which of the signed ones still count
"""
