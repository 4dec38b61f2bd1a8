//! What survives a restart: checkpoints, the history, the best cells.
