//! What the framework guarantees under faults, how it does so, what that costs, and what it cannot guarantee. This
//! module contains no items.
//!
//! `D` is the shutdown deadline: `shutdown_timeout` after the first cause to stop. A cause is a signal, a failed start,
//! a failed worker, the return of `main`, or a request. The deadline is fixed at that instant and never moves.
//!
//! # Guarantees
//!
//! 1. **The process has exited by `D`**, whatever user code does. Examples are a hook that blocks every thread of the
//!    runtime, spins or deadlocks, a destructor that panics, and a blocking task that never returns.
//! 2. **Every component that was started is cleaned up.** Either its `stop` completes, or its `emergency` hook runs
//!    once, in stop order. This also holds when the process aborts, when memory, threads or descriptors are exhausted,
//!    and when the runtime itself panics.
//! 3. **Failures are isolated.** The failure of a component does not skip or shorten the cleanup of another one, and
//!    delays it by no more than the time of the failed component.
//! 4. **The exit code is accurate.** It is 0 only if every component stopped cleanly. The first error is reported as
//!    the cause.
//! 5. **Admitted work is finished or reported as aborted.** Refused work was never started.
//!
//! The table lists faults and their effects. The last column names the tests: `a7_..`, `b14_..` in the `tests/` folder
//! of the repository.
//!
//! | fault | effect | tests |
//! | --- | --- | --- |
//! | `stop` returns an error or panics | its `emergency` hook runs at once; its unused time is available to other components | a7, a8 |
//! | `stop` never completes | it is cancelled at its timeout or share, and its `emergency` hook runs | a4, a19 |
//! | `stop` blocks its thread, or spins | it is abandoned at its timeout or share, and its `emergency` hook runs; if no thread of the runtime can make progress, all `emergency` hooks run when the emergency reserve begins | a1, a2, a3, a5, a6, a14 |
//! | a worker never returns from its first poll, or a task never yields | the startup continues after 100 ms; at shutdown the worker or task is abandoned and listed in the report | a11, a16 |
//! | `emergency` hangs | it is abandoned after its share of the reserve, and the next hook runs | a12 |
//! | a waker of a foreign executor panics or blocks | no other task misses its wake-up | e1 |
//! | the `start`, `stop` or `reload` of a hand-written `Resource` blocks or panics before it returns its hook | as a hook that blocks or panics on its thread | e2 |
//! | a destructor panics or hangs | the panic is caught; a hanging destructor is abandoned at the timeout of its component | a9 |
//! | a start fails, panics or hangs, or a signal arrives during startup | the components that are up stop in reverse order, and no others | a10, c1 |
//! | stop is requested while a worker writes | the worker is cancelled only after its timeout; a worker that checks for a stop request between two writes leaves no partial write | d4 |
//! | a lease is never returned | the `stop` that waits for it is cancelled at its timeout, and the report names the lease with the file and line that acquired it; a lease that is returned late but in time is not an error | d5 |
//! | a worker fails while the application is stopping | the first cause remains the reported cause | a17, a18 |
//! | double panic, `panic = "abort"`, stack overflow, failed allocation | all `emergency` hooks run; then the process ends by SIGABRT, as without the framework (process 1: exit code 134) | b1 to b4 |
//! | a child process aborts before `exec`, for example by a panic in `pre_exec` | it ends by SIGABRT at once, and `spawn` returns | e3 |
//! | a child made by `fork` without `exec` receives a signal or aborts | the default effect of the signal | e4 |
//! | user code forks and goes on in the child, as a daemon | one line on standard error; the child exits with code 2 | e5 |
//! | user code or a library calls `exit` while components are up | all `emergency` hooks run; one line on standard error; code 0 becomes 3 | e6 |
//! | a child process that is an application inherits `LIFECYCLE_*` | they apply to it as well, unless [`variables`](crate::variables) are removed | e20 |
//! | a thread holds the allocator's lock for ever | all `emergency` hooks that allocate no memory run | b5 |
//! | no threads, no descriptors, or a full blocking pool | a graceful stop: everything that it needs was created before the first start | b8, a13, a15 |
//! | the descriptors of the runtime are closed | `emergency` hooks run, and the process exits by `D` | b6, b9 |
//! | an `atexit` handler hangs | the process exits by `D` | b10 |
//! | standard output or standard error is closed, full, or not read | no panic, and no wait beyond `D` | b11, b12 |
//! | at exit, the folder of the report file is missing, a link replaces it, or its disk is full | one line on standard error, an unchanged exit code, and no partial file | d8 |
//! | probes arrive during drain and stop | liveness stays 200 and readiness 503 until the process exits | d3 |
//! | ten thousand connections to the admin port | at most 128 are kept; they delay neither the start, nor a probe, nor the exit | d9 |
//! | SIGSTOP or a suspended machine until after the deadline | after the process resumes, the `emergency` hooks run and the process exits | b13 |
//! | a second signal, also during startup | `emergency` hooks run within milliseconds; exit code 128 + n | c2 |
//! | a third signal | the process exits at once | c3 |
//! | signals are blocked by the parent process, or ignored or blocked by user code | signals are unblocked at the start, and `D` holds without signals | c6, c7 |
//! | `main` is in uninterruptible I/O, or waits for a child process to start | signals are handled at once | `signals_are_handled_..` |
//! | the watchdog thread makes no progress | timers of the kernel end the process by `D` + 150 ms (Linux) | b14 |
//! | the watchdog and the emergency threads make no progress | the process exits without hooks by `D` + 250 ms (Linux) | b14 |
//! | an HTTP client that sends its request headers slowly or never, or reads its response slowly or never; an endless response; a WebSocket; idle connections, also of HTTP/2 | each connection is asked to finish, closed, or aborted and counted at the end of the drain | d1 |
//! | HTTP requests during the lame duck, in the backlog of the port, or after admission has closed | served; served; answered 503 with `Retry-After` or refused by the closed port. No request stays unanswered | d2 |
//! | `kill -9` | no hooks run; the next start recovers from what is on disk | b15 |
//! | one signal sent twice at once, or twenty thousand signals | one graceful stop | c4, c5 |
//! | a child process of a systemd service notifies on its behalf, or `TimeoutStopSec=` is shorter than `D` | child processes have no notification socket, and systemd waits until `D` plus 1 s (feature `systemd`) | c10, c11 |
//! | the application is process 1 of a container | no difference: the framework relies on the default effect of no signal, because process 1 has none | c8 |
//!
//! # How it works
//!
//! - **Dedicated threads, created first.** `#[lifecycle::main]` creates the watchdog and the signal thread before the
//!   plan and the runtime exist, and unblocks the signals that it needs. Before the first start, it also creates the
//!   output thread and the threads for emergency hooks: one for each hook, at most 16, and one that runs the hooks in
//!   order. The startup continues only after each thread has reported that it has everything it needs.
//! - **An idle first thread.** The kernel delivers signals of the process to its first thread. A thread cannot take a
//!   signal while it is in uninterruptible I/O, starts a child process, or waits for the lock of the process's memory
//!   map while hundreds of threads are created. If the first thread did such work, the deadline would begin late.
//!   Therefore the first thread only waits, and the application runs on a second thread named `main`.
//! - **A driver that runs no user code.** The state machine of startup and shutdown has a runtime of its own. Each hook
//!   runs as a separate task or on a separate thread and reports its result as an event, so the driver makes progress
//!   when user code blocks every thread of the application's runtime. To wake a task calls the code of its waker: the
//!   driver wakes the tasks that it has spawned itself, and threads of the framework wake all others, so that an
//!   executor whose wakers panic or block affects no other task.
//! - **A watchdog without dependencies.** The watchdog takes no lock, allocates no memory, opens no descriptor, and
//!   writes no log: it sleeps until an absolute instant of the monotonic clock. It starts the emergency hooks when the
//!   emergency reserve begins or when a signal forces the stop. Shortly before `D` it calls `_exit` with the most
//!   recently recorded exit code. The margin is a twentieth of `shutdown_timeout`, between 5 and 50 ms, and at most a
//!   quarter of the reserve.
//! - **Kernel timers behind the watchdog** (Linux; on the clock that advances during suspend). The first timer starts
//!   the hooks 10 ms after `D` and arms two more timers: one calls `_exit`, the last one sends SIGKILL.
//! - **A SIGABRT handler.** It runs on the alternate stack of the aborting thread, wakes the emergency threads, and
//!   holds the aborting thread until the hooks have run. Then this thread ends the process by SIGABRT with its default
//!   effect, so that a core shows where it aborted.
//! - **A handler of `exit`.** It runs on the thread that called `exit`, starts the emergency hooks, and returns when they
//!   have run and the report is written. The watchdog bounds both.
//! - **Bounded exit.** The runtime is dropped on a separate thread, which is abandoned after 100 ms. Buffers are
//!   flushed last, within the remaining time, or within 250 ms in a forced stop. A forced stop always ends with
//!   `_exit`.
//!
//! # Cost
//!
//! The framework keeps six sleeping threads (seven with probes), plus one for each emergency hook (at most 16) and one
//! that runs the hooks in order. Each thread needs about 35 KiB of memory; a whole application with five resources uses
//! 4.2 MB in a release build. None of these threads keeps a descriptor open. While the application runs, the only cost
//! is one atomic addition for each admitted unit of work.
//!
//! # What cannot be guaranteed
//!
//! - SIGKILL, the out-of-memory killer of the kernel, and a power failure end a process from outside, and no hook runs.
//!   Data that must survive them has to be on disk before: save partial results as they are produced, and recover at
//!   the next start.
//! - A thread in uninterruptible I/O, for example on an unreachable network file system, keeps even a killed process in
//!   the process table.
//! - After `_exit`, the process disappears only when the kernel has reclaimed its memory. On a small virtual machine,
//!   this took about 80 ms per GiB on idle processors, and longer on busy ones.
//! - An `emergency` hook that takes a lock can block if the thread that holds the lock is stuck. When the process
//!   aborts or the allocator is stuck, this includes the lock of the allocator. Such a hook is abandoned after its
//!   share of the reserve, and the others run. Write hooks that use only what was created before:
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
//!           // Opened in advance: the process may have no free descriptor later.
//!           let marker = File::create("journal.dirty")?;
//!           Ok(Self { written: AtomicU64::new(0), marker })
//!       }
//!
//!       /// One write from the stack: takes no lock and allocates no memory.
//!       fn emergency(&self) {
//!           let written = self.written.load(Ordering::Relaxed).to_le_bytes();
//!           let _ = (&self.marker).write_all(&written);
//!       }
//!   }
//!   ```
//!
//! - The kernel timers cannot start the hooks if every thread of the process blocks all signals. A process in which no
//!   thread makes progress can be ended only from outside.
//! - The guarantees do not hold if user code replaces the handlers of SIGABRT or of the last two real-time signals, or
//!   calls `_exit`, `quick_exit` or `exec`: see [processes](super::operating::processes).
//! - Tests and the builder do not control the process: [`Running::stop`](crate::Running::stop) returns by `D`, and its
//!   [`Report`](crate::Report) lists the components that had to be abandoned.
