"""A stack file comes in: text becomes a checked stack, or every problem at once."""
