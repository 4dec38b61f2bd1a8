//! enasd
fn main() {}
