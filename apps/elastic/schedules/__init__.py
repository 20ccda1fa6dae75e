"""Scheduled scaling: rows that say when a job has how many instances, and Chronos, which rings at those times.

`calendar` says when (pure), `bounds` what holds then (pure); `services` writes rows, `ringing` makes a slot real when
Chronos rings, `misfires` does what the row says when it did not, `effects` scales the jobs that no policy scales;
`chronos_jobs` decides what each Chronos should hold (pure) and `reconcile` makes it so. `selectors` reads.
"""
