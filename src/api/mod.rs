//! The local socket: wire types, routes, client.
