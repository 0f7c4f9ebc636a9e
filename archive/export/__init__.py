"""Results in the layouts of other tools."""
