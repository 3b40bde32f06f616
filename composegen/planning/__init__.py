"""The middle: what is selected, in which order it starts, and how it is wired."""
