//! What a hook can break in its process, for good.
//!
//! | step | what happens |
//! | --- | --- |
//! | `oom` | no memory is left to be had, and some is asked for: the process aborts |
//! | `allocator` | the allocator's lock is stuck: who allocates or frees from now on hangs |
//! | `close` | the descriptors 3 to 64 are closed, whoever they belong to |
//! | `files`, `threads` | no further descriptor, or thread, can be had |
//! | `atexit` | `exit` will hang in a handler |
//! | `ignore` | TERM and INT are ignored from now on |
//! | `mask` | the hook's thread masks all signals |
//! | `uninterruptible` | the hook's thread waits for ever, in a way in which it handles no signal either |
//! | `freeze:a+b` | the threads of these names stand still for ever |
//! | `vanish:a+b` | the threads of these names are gone: they end without unwinding |
//!
//! A thread's name is as the operating system has it, which keeps 15 bytes of it: `lifecycle-emergency` are all the
//! threads whose names begin like that. `first` is the one that the process began with.

use std::fs::{self, OpenOptions};
use std::thread;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::harness::sys::{self, Fate};

/// Does what the step says; false when there is no such step.
pub(crate) fn inject(step: &str, detail: &str) -> bool {
    match step {
        "oom" => take_all_memory(),
        "allocator" => sys::stick_allocator(),
        "close" => sys::close(3..=64),
        "files" => take_all_files(),
        "threads" => forbid_threads(),
        "atexit" => sys::hang_at_exit(),
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
    // Less than is in use: no page more.
    lower(Resource::As, 0);
    // What the allocator still has is taken, too, so that nobody finds a rest.
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
