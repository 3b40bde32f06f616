"""What Compose calls a thing, translated into what a stack file calls it."""
