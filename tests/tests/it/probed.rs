//! The program `probed`, with its admin port.

use std::net::SocketAddr;

use lifecycle_tests::harness::Program;
use lifecycle_tests::http::own_address;
use lifecycle_tests::program;

/// The program, and the address of its admin port.
pub(crate) fn probed() -> (Program, SocketAddr) {
    let address = own_address();
    let program = program!("probed").env("LIFECYCLE_ADMIN", address.to_string());
    (program, address)
}
