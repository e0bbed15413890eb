//! `LIFECYCLE_ADMIN`: the address on which probes and metrics are served.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The accepted format, for messages.
pub(crate) const EXPECTED: &str = "an address and a port such as `127.0.0.1:9000` or `[::1]:9000`, or a port alone, which is reachable from this host only";

/// Parses the address. A port alone means loopback, so that no probe is reachable from outside by mistake.
pub(crate) fn parse(text: &str) -> Result<SocketAddr, String> {
    if cfg!(not(feature = "admin")) {
        // An error, not a warning: without answers to its probes, a platform would kill the app without an explanation.
        return Err("`lifecycle` is built without its feature `admin`".to_owned());
    }
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let port = text.strip_prefix("localhost:");
    let port = port.or(text.strip_prefix(':')).unwrap_or(text);
    if let Ok(port) = port.parse() {
        return Ok(SocketAddr::new(loopback, port));
    }
    text.parse()
        .map_err(|_| "it is not an address with a port".to_owned())
}

#[cfg(all(test, feature = "admin"))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_port_alone_means_loopback() {
        for text in ["9000", ":9000", "localhost:9000", "127.0.0.1:9000"] {
            assert_eq!(parse(text).unwrap().to_string(), "127.0.0.1:9000", "{text}");
        }
    }

    #[test]
    fn text_that_is_not_an_address_with_a_port_is_an_error() {
        for text in [
            "",
            ":",
            "host:9000",
            "127.0.0.1",
            "::1:9000",
            "65536",
            "-1",
            "9000 ",
            "http://127.0.0.1:9000",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn d6_a_formatted_address_is_parsed_back(address: SocketAddr) {
            // The scope of an IPv6 address is local to this host, and is not compared.
            prop_assume!(!address.is_ipv6() || !address.to_string().contains('%'));
            let parsed = parse(&address.to_string()).unwrap();
            prop_assert_eq!((parsed.ip(), parsed.port()), (address.ip(), address.port()));
        }
    }
}

#[cfg(all(test, not(feature = "admin")))]
mod tests {
    #[test]
    fn without_the_feature_every_address_is_an_error_that_names_it() {
        let error = super::parse("127.0.0.1:9000").unwrap_err();
        assert!(error.contains("feature `admin`"), "{error}");
    }
}
