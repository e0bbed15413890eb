//! [`Identity`]: under which name this process holds rows of the database.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use uuid::Uuid;

/// The name is kept in the data folder, so that after a crash the next process there knows at once which rows are its
/// own leftovers, and need not wait for their leases to end. Only one process at a time has it: whoever else runs on
/// the same folder gets a name for this life only. The kernel gives the lock back, however the process ends.
#[derive(Debug)]
pub struct Identity {
    name: String,
    _lock: Option<File>,
}

impl Identity {
    /// Reads or makes the name. Blocks, on a file of a few bytes.
    pub fn of(folder: &Path) -> io::Result<Self> {
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(folder.join("agent.id"))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            // Held by another process, or on a file system without locks: then nothing is known of the folder.
            Err(_) => return Ok(Self::passing()),
        }
        let mut name = String::new();
        // What is no name, because its writer was killed or the disk was full, is written anew.
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

    fn passing() -> Self {
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
    fn a_folder_has_one_name_and_one_who_bears_it() {
        let folder = tempfile::tempdir().unwrap();
        let first = Identity::of(folder.path()).unwrap();
        let second = Identity::of(folder.path()).unwrap();
        assert_ne!(first.name(), second.name());
        let name = first.name().to_owned();
        drop((first, second));
        assert_eq!(Identity::of(folder.path()).unwrap().name(), name);
    }

    #[test]
    fn what_is_no_name_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("agent.id"), b"\xff half a name").unwrap();
        let name = Identity::of(folder.path()).unwrap().name().to_owned();
        assert!(Uuid::try_parse(&name).is_ok());
        assert_eq!(Identity::of(folder.path()).unwrap().name(), name);
    }
}
