//! `LIFECYCLE_ADMIN`: where probes and metrics are answered.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

pub(crate) const ALLOWED: &str = "an address and a port such as `127.0.0.1:9000` or `[::1]:9000`, or a port alone, which is reached from this host only";

/// The address, or what is wrong with it. A port alone means loopback.
pub(crate) fn parse(text: &str) -> Result<SocketAddr, String> {
    if cfg!(not(feature = "admin")) {
        // Probes that nobody answers would have the app killed without a word.
        return Err("`lifecycle` is built without its feature `admin`".to_owned());
    }
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let port = text.strip_prefix("localhost:");
    let port = port.or(text.strip_prefix(':')).unwrap_or(text);
    if let Ok(port) = port.parse() {
        return Ok(SocketAddr::new(loopback, port));
    }
    text.parse()
        .map_err(|_| "it is no address with a port".to_owned())
}

#[cfg(all(test, feature = "admin"))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_port_alone_is_not_reached_from_outside() {
        for text in ["9000", ":9000", "localhost:9000", "127.0.0.1:9000"] {
            assert_eq!(parse(text).unwrap().to_string(), "127.0.0.1:9000", "{text}");
        }
    }

    #[test]
    fn what_is_no_address_with_a_port_is_refused() {
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
        fn d6_an_address_is_the_one_that_was_written(address: SocketAddr) {
            // The scope of an IPv6 address is a number of this host.
            prop_assume!(!address.is_ipv6() || !address.to_string().contains('%'));
            let parsed = parse(&address.to_string()).unwrap();
            prop_assert_eq!((parsed.ip(), parsed.port()), (address.ip(), address.port()));
        }
    }
}

#[cfg(all(test, not(feature = "admin")))]
mod tests {
    #[test]
    fn without_its_feature_every_address_is_refused_and_the_feature_named() {
        let error = super::parse("127.0.0.1:9000").unwrap_err();
        assert!(error.contains("feature `admin`"), "{error}");
    }
}
