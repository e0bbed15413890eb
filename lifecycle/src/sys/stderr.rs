//! Standard error, where the lock of [`std::io::stderr`] may be held by the calling thread, or by one that is gone.

#![allow(
    unsafe_code,
    reason = "a write without the standard library's lock; see below"
)]

/// Writes the text, as far as standard error takes it.
pub(crate) fn write(text: &str) {
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        // SAFETY: the pointer and the length are those of a slice that outlives the call. A closed descriptor is an error.
        let written = unsafe { libc::write(libc::STDERR_FILENO, rest.as_ptr().cast(), rest.len()) };
        match usize::try_from(written) {
            Ok(written) if written > 0 => rest = &rest[written.min(rest.len())..],
            _ if std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted => {}
            _ => return,
        }
    }
}
