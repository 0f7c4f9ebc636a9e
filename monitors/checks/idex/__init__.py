"""Monitors of IDEX: trends of noise, quality and housekeeping with limits, and counts, rates and maps."""
