//! The expansion uses no name that the surrounding code could shadow.

#![deny(warnings)]
#![allow(dead_code, non_camel_case_types, unused_macros)]

mod core {}
mod std {}
mod lifecycle {}
mod alloc {}

struct Option;
struct Result;
struct Arc;
struct Box;
struct Some;
struct Ok;
struct Err;
struct Vec;
struct String;
struct RecordRef;
struct Record;
struct usize;
struct bool;
trait Send {}
trait Sync {}
trait Sized {}
trait From {}
trait Into {}
trait Future {}
trait Resource {}
trait Iterator {}
fn drop() {}
fn value() {}
fn context() {}

macro_rules! module_path {
    () => {
        compile_error!("not the one of the standard library")
    };
}
macro_rules! unreachable {
    () => {
        compile_error!("not the one of the standard library")
    };
}

struct Database;

trait Store: ::core::marker::Send + ::core::marker::Sync {}

impl Store for Database {}

#[::lifecycle::resource(order = 1, timeout = "1s", as = dyn Store, readiness, retries = 2)]
impl Database {
    async fn start(
        shutdown: ::lifecycle::Shutdown,
    ) -> ::core::result::Result<Self, ::std::io::Error> {
        let _ = shutdown;
        ::core::result::Result::Ok(Self)
    }

    async fn stop(&self) -> ::core::result::Result<(), ::std::io::Error> {
        ::core::result::Result::Ok(())
    }

    fn expects(&self, error: &::std::io::Error) -> ::core::primitive::bool {
        let _ = error;
        true
    }

    fn emergency(&self) {}

    async fn health(&self) {}

    fn reload(&self) {}

    fn in_use(&self) -> ::core::primitive::usize {
        0
    }
}

#[::lifecycle::background(every = "1s", immediate, max_failures = 2, run_timeout = "1s")]
async fn serve(db: &Database, store: ::std::sync::Arc<dyn Store>, ready: ::lifecycle::Ready) {
    let _ = (db, store, ready);
}

#[derive(::lifecycle::App)]
#[app(shutdown_timeout = "30s", background = [serve], expect = [plugin::Metrics])]
struct Agent {
    db: ::std::sync::Arc<Database>,
    store: ::std::sync::Arc<dyn Store>,
}

fn main() {}
