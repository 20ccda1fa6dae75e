"""What stops a start-up: `EmbeddedError`, its message naming the object, the cause and the next step."""


class EmbeddedError(Exception):
    """The embedded Ocean cannot go on; the message is for the person at the terminal."""
