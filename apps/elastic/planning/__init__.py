"""How many instances a job should have: pure decisions, no Django, clock or database."""
