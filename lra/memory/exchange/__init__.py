"""Moving house: the record out as JSON lines, and in from what lra and other programs leave."""
