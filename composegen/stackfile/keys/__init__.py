"""The keys of a stack file, by what they are about."""
