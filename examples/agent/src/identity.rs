//! [`Identity`]: the name under which this process holds rows of the database.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use uuid::Uuid;

/// The name of a process. It is stored in the data folder, so that after a crash the next process there recognises the
/// rows of its predecessor, and does not wait for their leases to expire. Only one process at a time uses it: another
/// one in the same folder gets a name for one run only. The kernel releases the lock however the process ends.
#[derive(Debug)]
pub struct Identity {
    name: String,
    _lock: Option<File>,
}

impl Identity {
    /// Reads or creates the name. Blocks, on a file of a few bytes.
    pub fn of(folder: &Path) -> io::Result<Self> {
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(folder.join("agent.id"))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            // Another process has the lock, or the file system has no locks: the stored name may be in use.
            Err(_) => return Ok(Self::temporary()),
        }
        let mut name = String::new();
        // An invalid name, from a process that was killed or on a full disk, is replaced.
        let read = file.read_to_string(&mut name).is_ok();
        if !(read && Uuid::try_parse(&name).is_ok()) {
            name = Uuid::new_v4().simple().to_string();
            file.rewind()?;
            file.set_len(0)?;
            file.write_all(name.as_bytes())?;
        }
        Ok(Self {
            name,
            _lock: Some(file),
        })
    }

    fn temporary() -> Self {
        Self {
            name: Uuid::new_v4().simple().to_string(),
            _lock: None,
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_name_that_one_process_uses() {
        let folder = tempfile::tempdir().unwrap();
        let first = Identity::of(folder.path()).unwrap();
        let second = Identity::of(folder.path()).unwrap();
        assert_ne!(first.name(), second.name());
        let name = first.name().to_owned();
        drop((first, second));
        assert_eq!(Identity::of(folder.path()).unwrap().name(), name);
    }

    #[test]
    fn an_invalid_name_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("agent.id"), b"\xff half a name").unwrap();
        let name = Identity::of(folder.path()).unwrap().name().to_owned();
        assert!(Uuid::try_parse(&name).is_ok());
        assert_eq!(Identity::of(folder.path()).unwrap().name(), name);
    }
}
