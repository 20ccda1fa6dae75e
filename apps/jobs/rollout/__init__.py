"""Publishing as a plan: from what is wanted and what is found to the next steps, again and again until steady.

`values` are the words (what is wanted, what was found, the steps), `planning` decides, `forward`, `back` and `batches`
are its parts, `reading` turns rows and statuses into the values. All but `reading` is pure: no database, clock or
network. Yelp's PaaSTA does its bounces so (`bounce_lib.py`).
"""
