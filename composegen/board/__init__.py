"""The board and its pictures: a stack as a graph, its boot as bars, a local page."""
