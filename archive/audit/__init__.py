"""Is everything there, is it what it was, and how to mend what is not."""
