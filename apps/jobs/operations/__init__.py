"""What each kind of job operation does, step by step. `base` holds what they share: look first, ask once, follow."""
