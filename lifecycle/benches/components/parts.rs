//! Many components, each a type of its own with the digits of its number as parameters. The ten thousand are workers:
//! so many resources would take too long to compile.

use std::sync::Arc;

use lifecycle::{
    BackgroundPolicy, BackgroundWorker, Builder, Hook, HookKind, Lifecycle, Need, Record,
    RecordRef, Resource, StartContext, Stopped,
};

/// The component of that number. In a chain it starts after all components with smaller numbers; otherwise its last
/// digit is its level.
struct Part<const CHAIN: bool, const A: u8, const B: u8, const C: u8, const D: u8>;

impl<const CHAIN: bool, const A: u8, const B: u8, const C: u8, const D: u8>
    Part<CHAIN, A, B, C, D>
{
    const DIGITS: [u8; 4] = [b'0' + A, b'0' + B, b'0' + C, b'0' + D];
    const NAME: &'static str = match std::str::from_utf8(&Self::DIGITS) {
        Ok(name) => name,
        Err(_) => panic!("digits are text"),
    };
    const NUMBER: i32 = A as i32 * 1_000 + B as i32 * 100 + C as i32 * 10 + D as i32;
    const ORDER: i32 = if CHAIN { Self::NUMBER } else { D as i32 };
}

impl<const CHAIN: bool, const A: u8, const B: u8, const C: u8, const D: u8> Resource
    for Part<CHAIN, A, B, C, D>
{
    const RECORD: RecordRef = RecordRef::to(
        const {
            &Record::resource::<Self>(Self::NAME)
                .order(Self::ORDER)
                .hooks(&[HookKind::Stop])
        },
    );

    fn start(_: &mut StartContext) -> Hook<Self> {
        Hook::future(async { Ok(Self) })
    }

    fn stop(self: Arc<Self>) -> Option<Hook<Stopped>> {
        Some(stop())
    }
}

/// The `stop` of all components, which is compiled once.
fn stop() -> Hook<Stopped> {
    Hook::future(async { Ok(Stopped::Clean) })
}

impl<const CHAIN: bool, const A: u8, const B: u8, const C: u8, const D: u8> BackgroundWorker
    for Part<CHAIN, A, B, C, D>
{
    const RECORD: RecordRef = RecordRef::to(
        const {
            &Record::background::<Self>(Self::NAME, BackgroundPolicy::DEFAULT, run)
                .order(Self::ORDER)
                .needs(&[Need::SHUTDOWN])
        },
    );
}

/// Waits until its stop is requested.
fn run(context: &mut StartContext) -> Hook<()> {
    let requested = context.shutdown().requested();
    Hook::future(async move {
        requested.await;
        Ok(())
    })
}

/// Calls `add` with each digit.
macro_rules! digits {
    ($builder:ident, $add:ident, [$($before:tt)*]) => {{
        let builder = $add::<$($before)* 0>($builder);
        let builder = $add::<$($before)* 1>(builder);
        let builder = $add::<$($before)* 2>(builder);
        let builder = $add::<$($before)* 3>(builder);
        let builder = $add::<$($before)* 4>(builder);
        let builder = $add::<$($before)* 5>(builder);
        let builder = $add::<$($before)* 6>(builder);
        let builder = $add::<$($before)* 7>(builder);
        let builder = $add::<$($before)* 8>(builder);
        $add::<$($before)* 9>(builder)
    }};
}

fn resource<const CHAIN: bool, const B: u8, const C: u8, const D: u8>(builder: Builder) -> Builder {
    builder.resource::<Part<CHAIN, 0, B, C, D>>()
}

fn ten_resources<const CHAIN: bool, const B: u8, const C: u8>(builder: Builder) -> Builder {
    digits!(builder, resource, [CHAIN, B, C,])
}

fn hundred_resources<const CHAIN: bool, const B: u8>(builder: Builder) -> Builder {
    digits!(builder, ten_resources, [CHAIN, B,])
}

fn thousand_resources<const CHAIN: bool>(builder: Builder) -> Builder {
    digits!(builder, hundred_resources, [CHAIN,])
}

/// That many resources, 10, 100 or 1,000, in ten levels or in a chain.
pub(crate) fn resources<const CHAIN: bool>(count: usize) -> Builder {
    let builder = Lifecycle::builder();
    match count {
        10 => ten_resources::<CHAIN, 0, 0>(builder),
        100 => hundred_resources::<CHAIN, 0>(builder),
        1_000 => thousand_resources::<CHAIN>(builder),
        _ => unreachable!("there are no {count} resources"),
    }
}

fn worker<const CHAIN: bool, const A: u8, const B: u8, const C: u8, const D: u8>(
    builder: Builder,
) -> Builder {
    builder.background_worker::<Part<CHAIN, A, B, C, D>>()
}

fn ten_workers<const CHAIN: bool, const A: u8, const B: u8, const C: u8>(
    builder: Builder,
) -> Builder {
    digits!(builder, worker, [CHAIN, A, B, C,])
}

fn hundred_workers<const CHAIN: bool, const A: u8, const B: u8>(builder: Builder) -> Builder {
    digits!(builder, ten_workers, [CHAIN, A, B,])
}

fn thousand_workers<const CHAIN: bool, const A: u8>(builder: Builder) -> Builder {
    digits!(builder, hundred_workers, [CHAIN, A,])
}

/// 10,000 workers in ten levels, or in a chain.
pub(crate) fn ten_thousand_workers<const CHAIN: bool>(count: usize) -> Builder {
    assert_eq!(count, 10_000, "there are no {count} workers");
    let builder = Lifecycle::builder();
    digits!(builder, thousand_workers, [CHAIN,])
}
