//! `exit`, which runs what was registered with it, on the thread that called it.

#![allow(
    unsafe_code,
    reason = "handlers of `exit` are a C interface; each use says why it is sound"
)]

use std::panic::catch_unwind;
use std::sync::OnceLock;

use libc::c_int;

/// Gets the exit code, where the C library tells it.
type Handler = fn(Option<i32>);

static HANDLER: OnceLock<Handler> = OnceLock::new();

/// Has the handler called when the process ends by `exit`, before all that were registered earlier. May be called again,
/// with the same handler, to have it called earlier as well.
pub(crate) fn register(handler: Handler) {
    let _ = HANDLER.set(handler);
    // SAFETY: the function is valid as long as the process, and does not unwind.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    let _ = unsafe { on_exit(called_with, std::ptr::null_mut()) };
    // SAFETY: as above.
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    let _ = unsafe { libc::atexit(called) };
}

fn call(code: Option<i32>) {
    if let Some(handler) = HANDLER.get() {
        let _ = catch_unwind(|| handler(code));
    }
}

/// Ends the process with this code; to be called by the handler. Handlers that remain are called if the C library allows
/// `exit` within a handler.
pub(crate) fn exit_with(code: i32) -> ! {
    // SAFETY: glibc goes on with the handlers that remain, and uses the code of the last call.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    unsafe {
        libc::exit(code)
    }
    // SAFETY: a null pointer has all streams flushed. `_exit` takes no pointer.
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    unsafe {
        libc::fflush(std::ptr::null_mut());
        libc::_exit(code)
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
unsafe extern "C" {
    /// Of glibc: an `atexit` whose handlers get the exit code.
    fn on_exit(
        handler: extern "C" fn(c_int, *mut libc::c_void),
        argument: *mut libc::c_void,
    ) -> c_int;
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
extern "C" fn called_with(code: c_int, _: *mut libc::c_void) {
    call(Some(code & 0xff));
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
extern "C" fn called() {
    call(None);
}
