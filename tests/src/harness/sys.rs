//! All `unsafe` code of the tests: what a process can break in itself only through C.

#![allow(
    unsafe_code,
    reason = "the faults are beyond what safe code can do; each use says why it is sound"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::ops::RangeInclusive;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;

/// The allocator of every program here.
#[global_allocator]
static ALLOCATOR: Stickable = Stickable;

static STUCK: AtomicBool = AtomicBool::new(false);

/// The system's allocator, whose lock can be taken forever.
struct Stickable;

// SAFETY: every call is passed on unchanged, or never returns.
unsafe impl GlobalAlloc for Stickable {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        wait_while_stuck();
        // SAFETY: the caller upholds the same contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        wait_while_stuck();
        // SAFETY: the caller upholds the same contract.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        wait_while_stuck();
        // SAFETY: the caller upholds the same contract.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        wait_while_stuck();
        // SAFETY: the caller upholds the same contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

fn wait_while_stuck() {
    while STUCK.load(SeqCst) {
        pause();
    }
}

fn pause() {
    // SAFETY: it only waits for a signal.
    unsafe { libc::pause() };
}

/// Takes the allocator's lock forever.
pub(crate) fn stick_allocator() {
    STUCK.store(true, SeqCst);
}

/// Closes descriptors without regard to their owners.
pub(crate) fn close(descriptors: RangeInclusive<i32>) {
    for descriptor in descriptors {
        // SAFETY: no memory is touched. Owners that lose their descriptors are the fault to be survived: their calls
        // fail, or reach whatever this process, started by a test, opens next.
        unsafe { libc::close(descriptor) };
    }
}

/// Makes `exit` hang.
pub(crate) fn hang_at_exit() {
    extern "C" fn hang() {
        loop {
            pause();
        }
    }
    // SAFETY: `hang` is a function, valid as long as the process, and does not unwind.
    let failed = unsafe { libc::atexit(hang) };
    assert_eq!(failed, 0, "a handler can be registered");
}

/// Makes `exit` abort.
pub(crate) fn abort_at_exit() {
    extern "C" fn abort() {
        std::process::abort();
    }
    // SAFETY: `abort` is a function, valid as long as the process, and does not unwind.
    let failed = unsafe { libc::atexit(abort) };
    assert_eq!(failed, 0, "a handler can be registered");
}

/// Ignores the signals that ask a process to stop.
pub(crate) fn ignore_requests() {
    for signal in [libc::SIGTERM, libc::SIGINT] {
        // SAFETY: no handler is set: the kernel drops the signal.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}

/// Resets SIGHUP, which `nohup` has the tests ignore, so that programs started from now on receive it.
pub(crate) fn hear_hangups() {
    // SAFETY: no handler is set, and the default action is what processes normally start with.
    unsafe { libc::signal(libc::SIGHUP, libc::SIG_DFL) };
}

/// Pins this thread to a processor, if it may run there.
pub(crate) fn stay_on(processor: usize) {
    // SAFETY: a zeroed set is an empty one; the calls only read it.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(processor, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set);
    }
}

/// Masks all signals in this thread.
pub(crate) fn mask_all() {
    // SAFETY: `sigfillset` initializes the set before it is read; the calls touch nothing else.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut set);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const set, std::ptr::null_mut());
    }
}

/// Never returns, and handles no signal: it waits for a child that shares its memory, as a process that starts another
/// one does until that one runs.
pub(crate) fn wait_uninterruptibly() {
    extern "C" fn child(parent: *mut libc::c_void) -> libc::c_int {
        // SAFETY: neither call takes a pointer.
        let is_kept = unsafe {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) == 0
                && libc::getppid() as usize == parent as usize
        };
        mask_all();
        if !is_kept {
            return 0;
        }
        loop {
            pause();
        }
    }
    let mut stack = vec![0_u128; 4096];
    let top = stack.as_mut_ptr_range().end;
    // SAFETY: the stack is aligned and outlives the child, for which this thread waits; the child only makes system
    // calls, and dies with this thread.
    unsafe {
        let parent = libc::getpid() as usize as *mut libc::c_void;
        libc::clone(
            child,
            top.cast(),
            libc::CLONE_VM | libc::CLONE_VFORK,
            parent,
        );
    }
}

/// How a thread ends.
#[derive(Clone, Copy)]
pub(crate) enum Fate {
    StandsStill,
    Exits,
}

static EXITS: AtomicBool = AtomicBool::new(false);
static REACHED: AtomicUsize = AtomicUsize::new(0);

/// Stops threads of this process. They have stopped when it returns.
pub(crate) fn end_threads(threads: &[i32], fate: Fate) {
    extern "C" fn handler(_signal: i32) {
        let exits = EXITS.load(SeqCst);
        REACHED.fetch_add(1, SeqCst);
        if exits {
            // SAFETY: the thread never runs again. Its stack remains, and with it everything other threads see of it:
            // the C library does not know that it is gone.
            unsafe { libc::syscall(libc::SYS_exit, 0) };
        }
        loop {
            pause();
        }
    }
    EXITS.store(matches!(fate, Fate::Exits), SeqCst);
    let awaited = REACHED.load(SeqCst) + threads.len();
    // SAFETY: a zeroed `sigaction` is valid, and `sigfillset` fills its mask, so that the thread handles no other
    // signal; the handler only does atomic operations and system calls, which are async-signal-safe.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as extern "C" fn(i32) as usize;
        libc::sigfillset(&raw mut action.sa_mask);
        libc::sigaction(libc::SIGUSR1, &raw const action, std::ptr::null_mut());
    }
    for thread in threads {
        // SAFETY: it sends a signal that has a handler to a thread of this process, or to none.
        unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), *thread, libc::SIGUSR1) };
    }
    while REACHED.load(SeqCst) < awaited {
        thread::yield_now();
    }
}

/// What a child does that `fork` makes.
#[derive(Clone, Copy)]
pub(crate) enum Child {
    Waits,
    Aborts,
    Exits,
}

/// Makes a child, sends it the signal, and waits for its end.
pub(crate) fn fork(child: Child, signal: Option<i32>) -> ExitStatus {
    // SAFETY: the child makes system calls, and calls of the C library that are safe in a child: `abort`, `exit`.
    unsafe {
        let parent = libc::getpid();
        let pid = libc::fork();
        assert!(pid >= 0, "a child can be made");
        if pid == 0 {
            // It holds the pipe of evidence, which must end with the parent.
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            if libc::getppid() != parent {
                libc::_exit(0);
            }
            match child {
                Child::Waits => loop {
                    pause();
                },
                Child::Aborts => libc::abort(),
                Child::Exits => libc::exit(7),
            }
        }
        if let Some(signal) = signal {
            libc::kill(pid, signal);
        }
        wait(pid)
    }
}

fn wait(child: libc::pid_t) -> ExitStatus {
    let mut status = 0;
    // SAFETY: the pointer is to a local that outlives the call.
    while unsafe { libc::waitpid(child, &raw mut status, 0) } < 0 {
        let error = std::io::Error::last_os_error();
        assert_eq!(error.kind(), std::io::ErrorKind::Interrupted, "{error}");
    }
    ExitStatus::from_raw(status)
}

/// Replaces the handlers of signals that ask a process to stop, as a library does.
pub(crate) fn replace_handlers() {
    extern "C" fn handler(_signal: i32) {}
    for signal in [libc::SIGTERM, libc::SIGINT] {
        // SAFETY: the handler does nothing.
        unsafe { libc::signal(signal, handler as extern "C" fn(i32) as usize) };
    }
}

/// Has the child of the command panic between `fork` and `exec`.
pub(crate) fn panic_before_exec(command: &mut Command) -> &mut Command {
    // SAFETY: the panic aborts the child; what it writes before is what is tested.
    unsafe { command.pre_exec(|| panic!("the child panics")) }
}

/// Has the child of the command get SIGTERM between `fork` and `exec`, as one that its process group gets.
pub(crate) fn terminate_before_exec(command: &mut Command) -> &mut Command {
    // SAFETY: the child only makes system calls.
    unsafe {
        command.pre_exec(|| {
            libc::kill(libc::getpid(), libc::SIGTERM);
            Ok(())
        })
    }
}

/// How the parent of a daemon ends.
#[derive(Clone, Copy)]
pub(crate) enum Parent {
    /// By `_exit`, with the code of the child.
    Waits,
    ByExit,
}

/// Goes on in a child, as a daemon does.
pub(crate) fn daemonize(parent: Parent) {
    // SAFETY: the parent never goes on. That the child does, without the threads of the parent, is the fault to be survived.
    unsafe {
        match (libc::fork(), parent) {
            (0, _) => {}
            (..0, _) => panic!("a child cannot be made"),
            (_, Parent::ByExit) => libc::exit(0),
            (child, Parent::Waits) => libc::_exit(wait(child).code().unwrap_or(-1)),
        }
    }
}

/// Ends the process by `exit` of the C library.
pub(crate) fn exit(code: i32) -> ! {
    // SAFETY: handlers of `exit` run, as in every program.
    unsafe { libc::exit(code) }
}
