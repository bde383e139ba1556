"""One file a resource; routes hold no decisions."""
