//! Metrics with names, units and meanings; logs; progress on a terminal.
