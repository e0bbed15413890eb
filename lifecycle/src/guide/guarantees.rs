//! What is guaranteed when everything goes wrong, how, what it costs, and what cannot be guaranteed. This module holds
//! no code.
//!
//! Let `D` be the deadline: the app's `shutdown_timeout`, counted from the first cause to stop (a signal, a failed
//! start, a failed worker, the end of `main`, a request). It is fixed then and never moved.
//!
//! # What holds
//!
//! 1. **The process is gone by `D`**, whatever user code does: a hook blocks every thread of the runtime, spins, deadlocks,
//!    panics in a destructor, or leaves a blocking task for ever.
//! 2. **Each component that came up is cleaned up**: its `stop` ends well, or its `emergency` is called, once, in stop order.
//!    So it is also when the process aborts, when memory, threads or descriptors run out, and when the runtime itself
//!    panics.
//! 3. **A component's failure is its own**: it neither skips, shortens nor delays the cleanup of another one beyond its own
//!    time.
//! 4. **The exit code tells the truth**: 0 only when every component ended clean. The first error is the one that is reported
//!    as the cause.
//! 5. **What was admitted is finished or reported as cut**; what was refused was never started.
//!
//! The last column names the tests that show it: `a7_..`, `b14_..` in the repository's `tests/`.
//!
//! | what happens | how it ends | tests |
//! | --- | --- | --- |
//! | `stop` returns an error or panics | its `emergency` at once; its unused time goes to the others | a7, a8 |
//! | `stop` never completes | cut at its timeout or share, then its `emergency` | a4, a19 |
//! | `stop` blocks its thread, or spins | the same; where no thread of the runtime is left, all `emergency` hooks when the reserve begins | a1, a2, a3, a5, a6, a14 |
//! | a worker never returns from its first poll; a task never yields | the startup goes on after 100 ms; cut, and named in the report | a11, a16 |
//! | `emergency` hangs | given up after its share, the next one goes on | a12 |
//! | a destructor panics or hangs | caught, or cut at the component's time | a9 |
//! | a start fails, panics, hangs; a signal while starting | exactly what is up is taken down, in reverse | a10, c1 |
//! | a worker is told in the middle of a write | asked first, and cut only when its time is over: one that asks between two writes leaves nothing half-written | d4 |
//! | a lease never comes back | its resource's stop is cut at its time; the report names file, line and age. One that comes back late, but in time: clean | d5 |
//! | a worker fails while the app is already stopping | the first cause stays the cause | a17, a18 |
//! | double panic, `panic = "abort"`, stack overflow, failed allocation | all `emergency` hooks, then exit code 134 | b1 to b4 |
//! | the allocator's lock is never given back | all `emergency` hooks that need no memory | b5 |
//! | no threads, no descriptors, a full blocking pool | a clean end: what is needed was made before the first start | b8, a13, a15 |
//! | descriptors are closed under the runtime | `emergency` hooks, by `D` | b6, b9 |
//! | an `atexit` handler hangs | gone by `D` all the same | b10 |
//! | standard output or standard error is closed, full, or not read | neither a panic nor a wait beyond `D` | b11, b12 |
//! | at the end the folder of the report's file is gone, a link in its place, or the disk full | a line on standard error, the same exit code, nothing half-written | d8 |
//! | probes while the app drains and stops | liveness stays good, readiness bad, until the process is gone | d3 |
//! | ten thousand connections to the port of the probes | few are kept; they delay neither the start, nor a probe, nor the end | d9 |
//! | SIGSTOP, or a suspended machine, over the deadline | `emergency` hooks when it goes on, then the end | b13 |
//! | a second signal, also while starting | `emergency` hooks within milliseconds; exit code 128 + n | c2 |
//! | a third signal | gone at once | c3 |
//! | signals masked by the parent, or ignored and masked by user code | unmasked at the start; `D` needs no signal | c6, c7 |
//! | `main` stands in uninterruptible I/O, or waits for a child that it is starting | signals are heard at once | `signals_are_heard_..` |
//! | the watchdog thread stands still | the kernel's timers: gone by `D` + 150 ms (Linux) | b14 |
//! | the watchdog and the emergency threads stand still | gone by `D` + 250 ms (Linux), without hooks | b14 |
//! | an HTTP client sends its head, or reads its answer, slowly or never; an endless stream; a WebSocket; idle connections, also of HTTP/2 | told, or closed, or cut at the end of the drain and counted | d1 |
//! | HTTP requests during the lame duck, in the backlog of the port, and after admission has closed | served; answered; 503 with `Retry-After`, or refused by a closed port: none is left without an answer | d2 |
//! | `kill -9` | no hooks: the next start goes on from what is on disk | b15 |
//! | one signal sent twice at once, or twenty thousand | one graceful end | c4, c5 |
//! | systemd started the app, and a child speaks for it; `TimeoutStopSec=` is shorter than `D` | no child has its socket; systemd waits for `D` and a second (feature `systemd`) | c10, c11 |
//! | PID 1 of a container | the same: nothing relies on a signal's default effect | c8 |
//!
//! # How
//!
//! - **HookThreads of our own, made first.** Before the set-up, the plan and the runtime, `#[lifecycle::main]` makes the watchdog
//!   and the thread that passes on signals, and unmasks the signals that it lives by. The threads of the emergency hooks
//!   (one a hook, at most 16, and a conductor) and of the view follow before the first start. Each has reported that it is
//!   ready, with all that it needs, before anything goes on.
//! - **A first thread that only waits.** The kernel gives it the signals of the process. A thread that works cannot take one
//!   while it stands in uninterruptible I/O, starts a child, or queues for the memory map while hundreds of threads are made,
//!   and the deadline would count from then on. So the life is led by a thread named `main`.
//! - **A driver that runs no user code** leads the life on a runtime of its own. Each hook is a task, or a thread, that reports
//!   by event, so that the driver goes on when user code blocks every thread of the app's runtime.
//! - **A watchdog that needs nothing.** It takes no memory, no lock and no descriptor and writes no log: it sleeps until an
//!   absolute instant on the monotonic clock. It begins the emergency hooks when the reserve begins or a signal forces the
//!   end, and ends the process by `_exit` shortly before `D` (a twentieth of it, 5 to 50 ms, but no more than a quarter of
//!   the reserve), with the exit code that was known last.
//! - **Timers of the kernel behind the watchdog** (Linux, on the clock that also counts suspend). One begins the hooks 10 ms
//!   after `D` and arms two others: the second calls `_exit`, the last one is a SIGKILL.
//! - **A handler for SIGABRT**, on the thread's alternate stack: it wakes the emergency layer and holds the thread that aborts
//!   until the process is gone.
//! - **Bounded ends.** The runtime is dropped on a thread made for it, within 100 ms, or left behind. Buffers are flushed last,
//!   within what is left; on the forced path within 250 ms, and its exit is always `_exit`.
//!
//! # What it costs
//!
//! HookThreads that sleep: six (seven where probes are answered), one for each emergency hook up to 16 and one to conduct
//! them, about 35 KiB of memory each (4.2 MB for a whole app of five resources in a release build). No descriptor. Nothing
//! at all while the app runs, except that admitting work is an atomic addition.
//!
//! # What cannot be guaranteed
//!
//! - SIGKILL, the kernel's out-of-memory killer and a power failure end a process from outside, without hooks. What must
//!   survive them has to be on disk before: save partial results as they come, and recover at the next start.
//! - A thread in uninterruptible I/O (a dead network file system) keeps even a killed process in the kernel's table.
//! - A process that has called `_exit` is gone when the kernel has taken its memory back, which takes its time where the
//!   processors are busy: about 80 ms a GiB where nobody else wants them, measured on a small virtual machine.
//! - An `emergency` hook that takes a lock may meet the thread that holds it. Where the process aborts, or the allocator is
//!   stuck, that includes the allocator's. Such a hook is given up after its share and the others run; write hooks that use
//!   what was made before:
//!
//!   ```
//!   use std::fs::File;
//!   use std::io::Write as _;
//!   use std::sync::atomic::{AtomicU64, Ordering};
//!
//!   use lifecycle::resource;
//!
//!   struct Journal {
//!       written: AtomicU64,
//!       marker: File,
//!   }
//!
//!   #[resource]
//!   impl Journal {
//!       fn start() -> std::io::Result<Self> {
//!           // Opened now: later there may be no descriptor to be had.
//!           let marker = File::create("journal.dirty")?;
//!           Ok(Self { written: AtomicU64::new(0), marker })
//!       }
//!
//!       /// One write from the stack: no lock, no memory.
//!       fn emergency(&self) {
//!           let written = self.written.load(Ordering::Relaxed).to_le_bytes();
//!           let _ = (&self.marker).write_all(&written);
//!       }
//!   }
//!   ```
//!
//! - Where every thread of the process masks all signals, or stands still with all of them masked, the kernel's timers find
//!   nobody to begin the hooks; a process without any thread that runs is only ended from outside.
//! - User code that replaces the handlers of SIGABRT or of the last two real-time signals, or that calls `_exit` or `exec`,
//!   takes the guarantee with it.
//! - In tests, and with the builder, nothing owns the process: [`Running::stop`](crate::Running::stop) returns by `D` and its
//!   [`Report`](crate::Report) names what had to be left behind.
