"""Analyses of events: jobs that follow ingest, and what analysts say against their fits."""
