"""Templates of jobs: a spec with placeholders, and the parameters that fill them.

`placeholders` puts values in, `parameters` says which there may be, `merge` brings a newer version to a job that was
changed by hand; these are pure. `services` write, `updates` change many jobs at once, `selectors` read, `seeds` are the
templates that come with Ocean.
"""
