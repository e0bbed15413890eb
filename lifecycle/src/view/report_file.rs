//! The report in a file. A thread of its own, made before the first start, so that neither a disk that is slow nor an
//! output that blocks holds up the other.
//!
//! The file appears in one piece or not at all: it is written under another name in the same folder, brought to the disk,
//! and renamed.

use std::fs::{OpenOptions, remove_file, rename};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use crate::error::escape::escape;
use crate::error::failure::one_line;
use crate::plan::environment::report_path::{Format, ReportPath, check};
use crate::report::Report;
use crate::view::picture;
use crate::view::report_json;
use crate::view::stderr::write_line;

/// What clearing up may take when the time is over.
const CLEAR: Duration = Duration::from_millis(50);

/// The file to be written, and the thread that will write it.
pub(super) struct ReportFile {
    reports: SyncSender<Report>,
    is_written: Receiver<()>,
    target: Target,
}

#[derive(Clone)]
struct Target {
    path: ReportPath,
    /// What it is called until it is complete.
    temporary: PathBuf,
    /// Whether it is settled if there will be a file, and who says so: whoever sets this.
    settled: Arc<AtomicBool>,
}

impl ReportFile {
    pub(super) fn start(path: ReportPath) -> io::Result<Self> {
        let (reports, report) = sync_channel::<Report>(1);
        let (written, is_written) = sync_channel(1);
        // No name that a process before this one may have left behind: in a container all have the same id.
        let random = RandomState::new().hash_one(());
        let temporary = path.folder.join(format!(".lifecycle-{random:016x}.tmp"));
        let target = Target {
            path,
            temporary,
            settled: Arc::default(),
        };
        let of_thread = target.clone();
        thread::Builder::new()
            .name("lifecycle-report".into())
            .spawn(move || {
                if let Ok(report) = report.recv() {
                    of_thread.write(&report);
                    let _ = written.send(());
                }
            })?;
        Ok(Self {
            reports,
            is_written,
            target,
        })
    }

    pub(super) fn begin(&self, report: Report) {
        let _ = self.reports.try_send(report);
    }

    /// Waits until it has been written, for so long at most; else it is given up, and nothing of it is left.
    pub(super) fn wait(self, left: Duration) {
        let written = self.is_written.recv_timeout(left.saturating_sub(CLEAR));
        if written != Err(RecvTimeoutError::Timeout) || !self.target.settle() {
            return;
        }
        // Whatever holds it up may hold up this, too.
        let (cleared, is_cleared) = sync_channel(1);
        let spawned = thread::Builder::new()
            .name("lifecycle-report-clear".into())
            .spawn(move || {
                let _ = remove_file(&self.target.temporary);
                self.target.complain("there was no time left");
                let _ = cleared.send(());
            });
        if spawned.is_ok() {
            let _ = is_cleared.recv_timeout(CLEAR);
        }
    }
}

impl Target {
    fn write(&self, report: &Report) {
        let prepared = self.prepare(report);
        if !self.settle() {
            // Nobody waits for it any more.
            let _ = remove_file(&self.temporary);
            return;
        }
        if let Err(error) = prepared.and_then(|()| rename(&self.temporary, &self.path.file)) {
            let _ = remove_file(&self.temporary);
            self.complain(&one_line(&error));
        }
    }

    /// Everything but the last step.
    fn prepare(&self, report: &Report) -> io::Result<()> {
        let text = match self.path.format {
            Format::Json => report_json::render(report)?,
            Format::Svg => picture::svg(report).into_bytes(),
            Format::Html => picture::html(report).into_bytes(),
            Format::Text => picture::text(report).into_bytes(),
        };
        // Again, since it may have changed; and what changes after this look is replaced, never followed.
        check(&self.path.file)?;
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&self.temporary)?;
        file.write_all(&text)?;
        file.sync_all()
    }

    fn settle(&self) -> bool {
        !self.settled.swap(true, Ordering::AcqRel)
    }

    fn complain(&self, why: &str) {
        let path = escape(&self.path.file.to_string_lossy());
        write_line(&format!("warning: no report was written to {path}: {why}"));
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{read_dir, write};
    use std::path::Path;

    use super::*;
    use crate::life::outcome::Outcome;
    use crate::scope::reason::Reason;

    /// Of an app without components, which was stopped on request.
    fn report() -> Report {
        Report::new(Outcome {
            app: "app".to_owned(),
            reason: Reason::Requested,
            root: None,
            ran: true,
            exit_code: 0,
            startup: Duration::ZERO,
            shutdown: Duration::ZERO,
            limit: Duration::from_secs(25),
            reserve: Duration::from_secs(2),
            forced: None,
            cut_work: Vec::new(),
            began: std::time::SystemTime::now(),
            marks: Vec::new(),
            body: None,
            components: Vec::new(),
        })
    }

    #[test]
    fn what_takes_too_long_is_given_up_and_leaves_nothing() {
        let report = report();
        let folder = tempfile::tempdir().unwrap();
        let path = ReportPath::new(folder.path().join("life.svg").as_ref()).unwrap();
        let file = ReportFile::start(path).unwrap();
        let target = file.target.clone();
        // As far as a slow disk may have come.
        write(&target.temporary, "half of").unwrap();
        let (_never, is_written) = sync_channel(1);
        let begun = std::time::Instant::now();
        ReportFile { is_written, ..file }.wait(2 * CLEAR);
        let took = begun.elapsed();
        assert!(took >= CLEAR, "{took:?}");
        // A thread clears up, which is waited for no longer than there is time.
        let begun = std::time::Instant::now();
        while !is_empty(folder.path()) {
            assert!(
                begun.elapsed() < Duration::from_secs(10),
                "half of it is left"
            );
            thread::yield_now();
        }
        // It goes on after all.
        target.write(&report);
        assert!(is_empty(folder.path()));
    }

    fn is_empty(folder: &Path) -> bool {
        read_dir(folder).unwrap().next().is_none()
    }
}
