"""Scheduled scaling: rows that say when a job has how many instances, and Chronos, which rings at those times.

A slot is one time of one row. Its life: `next_at` → Chronos calls → a run is noted → its time comes → it takes effect.

calendar      when the slots of a row are; pure
coming        the slots of the next days, and which of several at one moment counts; pure
bounds        what a slot holds its job to until the next one; pure
fields        a row as the API and the form take it
services      writing rows
selectors     reading rows, runs, and what is coming
ringing       Chronos called: the slot, and all others of that moment, are noted once
settling      the slot's time has come: what was noted takes effect
effects       scaling the jobs that no policy scales
misfires      slots for which nobody rang: made up for or skipped, as the row says
telling       notification groups hear of those
chronos_jobs  what a Chronos should hold, and the steps to get there; pure
reconcile     takes those steps
drifts        what Chronos refuses, or fails to call, shown to SREs
tokens        the token with which a Chronos job calls
"""
