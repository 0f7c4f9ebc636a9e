"""IDEX on the site: the science of its events, and dashboards of the instrument."""
