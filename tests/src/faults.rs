//! Steps of hooks that break the process permanently.
//!
//! | step | what happens |
//! | --- | --- |
//! | `oom` | exhausts the memory and allocates: the process aborts |
//! | `allocator` | takes the allocator's lock forever: later allocations and deallocations hang |
//! | `close` | closes the descriptors 3 to 64 without regard to their owners |
//! | `files`, `threads` | exhausts descriptors, or threads |
//! | `atexit`, `atexit-abort` | makes `exit` hang, or abort, in a handler |
//! | `ignore` | ignores SIGTERM and SIGINT from now on |
//! | `mask` | masks all signals in the hook's thread |
//! | `uninterruptible` | blocks the hook's thread forever in a state in which it handles no signals |
//! | `freeze:a+b` | stops the threads with these names forever |
//! | `vanish:a+b` | ends the threads with these names without unwinding |
//!
//! The operating system keeps 15 bytes of a thread's name, so that `lifecycle-emergency` matches all threads whose names
//! begin like that. `first` is the main thread.

use std::fs::{self, OpenOptions};
use std::thread;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::harness::sys::{self, Fate};

/// Runs the step; returns false if there is no such step.
pub(crate) fn inject(step: &str, detail: &str) -> bool {
    match step {
        "oom" => take_all_memory(),
        "allocator" => sys::stick_allocator(),
        "close" => sys::close(3..=64),
        "files" => take_all_files(),
        "threads" => forbid_threads(),
        "atexit" => sys::hang_at_exit(),
        "atexit-abort" => sys::abort_at_exit(),
        "ignore" => sys::ignore_requests(),
        "mask" => sys::mask_all(),
        "uninterruptible" => sys::wait_uninterruptibly(),
        "freeze" => sys::end_threads(&threads(detail), Fate::StandsStill),
        "vanish" => {
            let threads = threads(detail);
            sys::end_threads(&threads, Fate::Exits);
            while threads
                .iter()
                .any(|thread| fs::exists(task(*thread)).unwrap_or(true))
            {
                thread::yield_now();
            }
        }
        _ => return false,
    }
    true
}

fn lower(resource: Resource, current: u64) {
    let Rlimit { maximum, .. } = getrlimit(resource);
    let limit = Rlimit {
        current: Some(current),
        maximum,
    };
    setrlimit(resource, limit).expect("a limit can be lowered");
}

fn take_all_memory() {
    // Less than what is in use, so that the kernel grants no further page.
    lower(Resource::As, 0);
    // Exhausts the memory that the allocator still has, too.
    for size in (4..20).rev().map(|bits| 1 << bits) {
        let mut bytes = Vec::<u8>::new();
        while bytes.try_reserve_exact(size).is_ok() {
            std::mem::forget(std::mem::take(&mut bytes));
        }
    }
    std::hint::black_box(Vec::<u8>::with_capacity(1 << 20));
}

fn take_all_files() {
    lower(Resource::Nofile, 64);
    while let Ok(another) = OpenOptions::new().write(true).open("/dev/null") {
        std::mem::forget(another);
    }
}

fn forbid_threads() {
    lower(Resource::Nproc, 0);
    let made = thread::Builder::new().spawn(|| {});
    assert!(made.is_err(), "there are still threads to be had");
}

fn task(thread: i32) -> String {
    format!("/proc/self/task/{thread}")
}

/// The threads that have one of these names, separated by `+`.
fn threads(names: &str) -> Vec<i32> {
    let mut threads = Vec::new();
    for name in names.split('+') {
        if name == "first" {
            threads.push(rustix::process::getpid().as_raw_nonzero().get());
            continue;
        }
        let before = threads.len();
        for entry in fs::read_dir("/proc/self/task").expect("the threads are listed") {
            let id = entry
                .ok()
                .and_then(|entry| entry.file_name().to_str()?.parse().ok());
            let Some(id) = id else { continue };
            let comm = fs::read_to_string(format!("{}/comm", task(id))).unwrap_or_default();
            if comm.trim_end() == &name[..name.len().min(15)] {
                threads.push(id);
            }
        }
        assert!(threads.len() > before, "there is no thread `{name}`");
    }
    threads
}
