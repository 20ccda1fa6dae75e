"""A whole Ocean on one machine, from wheels: no root, no Docker, no system package.

`python -m embedded --help` (behind `make run`) starts it; `embedded.services` gives tests their servers.
Nothing here imports Django: it sets the environment that Django's settings are read from.
"""
