"""App and group definitions: Marathon's JSON in, complete canonical definitions out."""
