"""Several jobs as one: `ordering` and `moves` decide (pure), `plan` says what would happen, `steps` carries it out."""
