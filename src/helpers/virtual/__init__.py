"""Virtual borehole survey: a known field of ground temperature and holes drilled in it."""
