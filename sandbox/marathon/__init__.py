"""Marathon's HTTP API, by subject. Handlers read the model and call the scheduler; they hold no rules."""
