"""What can be made to go wrong on purpose. `state` holds it, `admin` is the door, the rooms concerned look
at it."""
