//! Reports that cannot be written, and outputs that are full.

use super::*;

/// The three ways in which the chain ends by itself, and their exit codes.
const ENDS: [(&str, i32); 3] = [
    ("main=ok", 0),
    ("main=ok c.stop=error", 3),
    ("d.start=error", 1),
];

#[test]
fn d8_a_failed_write_is_one_line_and_changes_no_exit_code() {
    for (arguments, code) in ENDS {
        let folder = Folder::new();
        write(folder.path("life.json"), "of the life before").expect("a file");
        // Writes fail as on a full disk, also for root.
        let script = "trap '' XFSZ; ulimit -f 0; exec \"$@\"";
        let program = program!("chain").through(script).with(arguments);
        let end = folder.asks(program).run();
        end.expect_code(code);
        expect_one_line(&end, "File too large");
        assert_eq!(folder.names(), ["life.json"], "{end}");
        let kept = read_to_string(folder.path("life.json")).expect("the file");
        assert_eq!(kept, "of the life before");
    }
}

#[test]
#[ignore = "needs namespaces of mounts: root, or namespaces of users"]
fn d8_a_full_disk_is_one_line_and_changes_no_exit_code() {
    let user = if rustix::process::geteuid().is_root() {
        ""
    } else {
        "--user --map-root-user"
    };
    for (arguments, code) in ENDS {
        let folder = Folder::new();
        let at = folder.0.path().display();
        let script = format!(
            "mount -t tmpfs -o size=16k none {at} || exit 99; cat /dev/zero > {at}/full 2>&-; \
             \"$@\"; code=$?; echo files: $(ls -A {at}) >&2; exit $code"
        );
        let outer = format!("exec unshare {user} --mount sh -c '{script}' sh \"$@\"");
        let program = program!("chain").through(&outer).with(arguments);
        let end = folder.asks(program).run();
        end.expect_code(code);
        expect_one_line(&end, "No space left on device");
        assert!(
            end.stderr.lines().any(|line| line == "files: full"),
            "{end}"
        );
    }
}

/// The missing report is mentioned once, with the reason.
#[track_caller]
fn expect_one_line(end: &End, why: &str) {
    end.expect_line(&["warning: no report was written to ", "life.json", why]);
    assert_eq!(
        end.stderr.matches("no report was written").count(),
        1,
        "{end}"
    );
    assert!(!end.stderr.contains("panicked"), "{end}");
}

#[test]
fn d8_a_removed_folder_is_one_line_and_changes_no_exit_code() {
    for (arguments, code) in [("", 0), ("c.stop=error", 3)] {
        let folder = Folder::new();
        let mut run = folder.asks(program!("chain").with(arguments)).up();
        remove_dir_all(folder.0.path()).expect("it can be removed");
        run.terminate();
        let end = run.end();
        end.expect_code(code);
        expect_one_line(&end, "No such file or directory");
        assert!(!folder.0.path().exists(), "{end}");
    }
}

#[test]
fn d8_a_symbolic_link_at_the_path_is_not_followed() {
    let folder = Folder::new();
    let elsewhere = Folder::new();
    let kept = elsewhere.path("kept.json");
    write(&kept, "kept").expect("a file");
    let mut run = folder.asks(program!("chain")).up();
    symlink(&kept, folder.path("life.json")).expect("a link");
    run.terminate();
    let end = run.end();
    end.expect_code(0);
    expect_one_line(&end, "symbolic link");
    assert_eq!(read_to_string(&kept).expect("the file"), "kept");
    assert_eq!(folder.names(), ["life.json"]);
    assert!(folder.path("life.json").is_symlink());
}

#[test]
fn d8_the_report_is_written_although_outputs_are_full() {
    for (arguments, code) in ENDS {
        unless_late(|| {
            let folder = Folder::new();
            let (_reader, mut writer) = pipe().expect("a pipe");
            rustix::io::ioctl_fionbio(&writer, true).expect("a pipe can be non-blocking");
            while writer.write(b".").is_ok() {}
            rustix::io::ioctl_fionbio(&writer, false).expect("a pipe can be blocking");
            let program = program!("chain").with(arguments).limits("1500ms", "300ms");
            let other = writer.try_clone().expect("the pipe");
            let end = folder.asks(program.stderr(writer).stdout(other)).run();
            end.expect_code(code);
            assert_eq!(folder.life().0["exit_code"], code);
        });
    }
}
