"""What Marathon does behind its API. `matching`, `plan`, `rollout` and `backoff` are pure; the rest drives
them."""
