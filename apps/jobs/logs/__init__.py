"""The logs of a job: its instances' files and what happened to it, merged by time."""
