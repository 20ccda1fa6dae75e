"""Pictures of the console for the README: an Ocean of its own, a believable scene on it, a browser.

`make screenshots` takes those that the README shows; `python -m scripts.screenshots --all FOLDER` takes every page
in both languages, for looking at.
"""
