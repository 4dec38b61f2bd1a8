//! The configuration: one TOML file, environment and flags over built-in defaults.
