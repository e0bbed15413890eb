//! Random input: the macros never panic, they expand it or report errors at places in it, and correct arguments are read
//! as they are written.

use std::str::FromStr as _;
use std::time::Duration;

use proc_macro2::{LineColumn, TokenStream, TokenTree};
use proptest::prelude::*;
use strsim::osa_distance;
use syn::Path;

use crate::attribute;
use crate::attribute::known::{self, Known, known};
use crate::diagnostics::Context;
use crate::diagnostics::nearest::{nearest, tolerance};
use crate::entry::Kind;

/// Words for attributes and signatures, and words that do not belong there.
const WORDS: &str = "async fn impl struct enum mod trait for self Self dyn unsafe pub mut const where static extern crate \
    as true false never always on_failure ignore shutdown current_thread multi_thread start stop emergency health \
    reload in_use expects emergancy main Db Shutdown Tasks Ready Arc Option Result String T usize app cfg derive";
const PUNCTUATION: &str = "= , ; : :: -> & < > ! # - + . .. ? 'a ' | => * @ $";

fn words(text: &'static str) -> impl Strategy<Value = String> {
    let words: Vec<&str> = text
        .split_whitespace()
        .filter(|word| *word != "'")
        .collect();
    prop::sample::select(words).prop_map(str::to_owned)
}

const TABLES: [&[Known]; 5] = [
    known::RESOURCE,
    known::BACKGROUND,
    known::APP,
    known::MAIN,
    known::TEST,
];

/// The name of an argument of any of the macros.
fn argument() -> impl Strategy<Value = String> {
    let names: Vec<&str> = TABLES
        .iter()
        .copied()
        .flatten()
        .map(|known| known.name)
        .collect();
    prop::sample::select(names).prop_map(str::to_owned)
}

fn literal() -> impl Strategy<Value = String> {
    let odd = vec![
        "0",
        "1",
        "-1",
        "4294967296",
        "99999999999999999999999999",
        "1.5",
        "1e400",
        "1u8",
        "0x10",
        "'c'",
        "b\"x\"",
        "b'x'",
        "c\"x\"",
        "r#\"5s\"#",
        "\"5s\"",
        "\"1m 30s\"",
        "\"0s\"",
        "\"-5s\"",
        "\"NaN\"",
        "\"\"",
        "\"366d\"",
    ];
    prop_oneof![
        prop::sample::select(odd).prop_map(str::to_owned),
        any::<String>().prop_map(|text| format!("{text:?}")),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>()
            .prop_filter("it is a literal", |f| f.is_finite())
            .prop_map(|f| format!("{f:?}")),
    ]
}

/// Source text whose brackets are balanced.
fn source() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        3 => words(WORDS),
        3 => words(PUNCTUATION),
        2 => argument(),
        1 => literal(),
        1 => "[a-zé][a-z_]{0,6}".prop_map(|name| format!("{name}_")),
    ];
    leaf.prop_recursive(4, 48, 8, |inner| {
        let many = prop::collection::vec(inner, 0..8).prop_map(|pieces| pieces.join(" "));
        (many, prop::sample::select(vec!["(", "[", "{", ""])).prop_map(
            |(inside, open)| match open {
                "(" => format!("( {inside} )"),
                "[" => format!("[ {inside} ]"),
                "{" => format!("{{ {inside} }}"),
                _ => inside,
            },
        )
    })
}

/// A list of correct and wrong arguments. It begins on its second line, so that no place in it is that of
/// `Span::call_site()`.
fn arguments() -> impl Strategy<Value = String> {
    let value = prop_oneof![2 => literal(), 1 => words(WORDS), 1 => source()];
    let argument = prop_oneof![
        4 => (argument(), value).prop_map(|(name, value)| format!("{name} = {value}")),
        1 => argument(),
        1 => source(),
    ];
    let any = prop::collection::vec(argument, 0..6);
    // As each macro's own messages say to write them.
    let right = (0..TABLES.len()).prop_flat_map(|table| {
        let examples: Vec<String> = TABLES[table]
            .iter()
            .map(|known| known.example.to_owned())
            .collect();
        prop::sample::subsequence(examples, 0..4)
    });
    prop_oneof![any, right].prop_map(|all| format!("\n{}", all.join(", ")))
}

fn function() -> impl Strategy<Value = String> {
    let before = prop::sample::select(vec![
        "",
        "async",
        "async",
        "async",
        "pub async",
        "const",
        "unsafe",
    ]);
    let right = [
        "",
        "&self",
        "db: &Db",
        "db: Arc<Db>, shutdown: Shutdown",
        "app: Agent, shutdown: Shutdown",
    ];
    let parameters = prop_oneof![
        4 => prop::sample::select(right.to_vec()).prop_map(str::to_owned),
        1 => source()
    ];
    let right = ["", "-> Self", "-> Result<(), Error>"];
    let returns = prop_oneof![
        4 => prop::sample::select(right.to_vec()).prop_map(str::to_owned),
        1 => source()
    ];
    (
        before,
        words("start stop emergency serve main"),
        parameters,
        returns,
        prop::sample::select(vec!["{}", "{}", "{ body of { it } }"]),
    )
        .prop_map(|(before, name, parameters, returns, body)| {
            format!("{before} fn {name}({parameters}) {returns} {body}")
        })
}

/// An item to annotate: correct, nearly correct, or random.
fn item() -> impl Strategy<Value = String> {
    let functions = prop::collection::vec(function(), 0..4).prop_map(|all| all.join("\n"));
    let rest = || prop_oneof![4 => Just(String::new()), 1 => source()];
    let block = (functions, rest()).prop_map(|(functions, rest)| {
        format!("impl Db {{ fn start() -> Self {{ Self }} {functions} {rest} }}")
    });
    let app = (arguments(), rest()).prop_map(|(arguments, field)| {
        format!("#[app({arguments})] struct Agent {{ db: Arc<Db>, {field} }}")
    });
    let item = prop_oneof![4 => function(), 4 => block, 4 => app, 1 => source()];
    item.prop_map(|item| format!("\n{item}"))
}

fn tokens(source: &str) -> TokenStream {
    TokenStream::from_str(source).unwrap_or_else(|error| panic!("{error}: {source}"))
}

/// The places and messages of the errors in an expansion.
fn errors(expansion: &TokenStream) -> Vec<(LineColumn, String)> {
    let mut found = Vec::new();
    let mut at = None;
    for token in expansion.clone() {
        match token {
            TokenTree::Ident(ident) => {
                at = (ident == "compile_error").then(|| ident.span().start())
            }
            TokenTree::Group(group) => match at.take() {
                Some(at) => found.push((at, group.stream().to_string())),
                None => found.extend(errors(&group.stream())),
            },
            _ => {}
        }
    }
    found
}

/// Checks that it is an expansion, or that each error is at a token of the input or at its end.
fn check(expansion: &TokenStream) -> Result<(), TestCaseError> {
    for (at, said) in errors(expansion) {
        let at_the_end = said.contains("unexpected end of input");
        prop_assert!(
            at.line > 1 || at_the_end,
            "{} stands nowhere: {:?}",
            said,
            at
        );
        prop_assert!(said.len() > 2, "an error without a message");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn random_input_is_expanded_or_rejected_with_a_place(arguments in arguments(), item in item()) {
        let (arguments, item) = (tokens(&arguments), tokens(&item));
        for (attribute, expansion) in [
            ("resource", crate::resource::resource(arguments.clone(), item.clone())),
            ("background", crate::background::background(arguments.clone(), item.clone())),
            ("main", crate::entry::entry(Kind::Main, arguments.clone(), item.clone())),
            ("test", crate::entry::entry(Kind::Test, arguments.clone(), item.clone())),
            ("app", crate::app::app(item.clone())),
        ] {
            check(&expansion)?;
            let refused = !errors(&expansion).is_empty();
            if syn::parse2::<syn::Item>(item.clone()).is_ok() {
                let parsed = syn::parse2::<syn::File>(expansion.clone());
                prop_assert!(parsed.is_ok(), "{}: {:?}: {}", attribute, parsed.err(), expansion);
            } else if attribute == "app" {
                prop_assert!(refused, "{}", expansion);
            }
            // What the user wrote stays.
            if matches!(attribute, "resource" | "background") {
                let (item, expansion) = (item.to_string(), expansion.to_string());
                prop_assert!(expansion.starts_with(&item), "{} lost its item: {}", attribute, expansion);
            }
        }
    }
}

/// An argument of each kind of value.
#[derive(Debug, Clone, PartialEq)]
enum Value {
    Time(Duration),
    TimeOrZero(Duration),
    Flag,
    Text(String),
    Truth(bool),
    Number(i32),
    Choice(u8),
    Path(String),
    Type(String),
    Expr(String),
    List(Vec<String>),
}

const TABLE: &[Known] = &[
    known("time", "time = \"5s\""),
    known("time_or_zero", "time_or_zero = \"5s\""),
    known("flag", "flag"),
    known("text", "text = \"name\""),
    known("truth", "truth = true"),
    known("number", "number = 1"),
    known("choice", "choice = \"a\""),
    known("path", "path = a::b"),
    known("ty", "ty = dyn Clock"),
    known("expr", "expr = 1 + 1"),
    known("list", "list = [a]"),
];

const CHOICES: [(&str, u8); 3] = [("first", 0), ("second", 1), ("third", 2)];

impl Value {
    fn written(&self) -> String {
        let time = |time: &Duration| humantime::format_duration(*time).to_string();
        match self {
            Self::Time(duration) => format!("time = {:?}", time(duration)),
            Self::TimeOrZero(duration) => format!("time_or_zero = {:?}", time(duration)),
            Self::Flag => "flag".to_owned(),
            Self::Text(text) => format!("text = {text:?}"),
            Self::Truth(truth) => format!("truth = {truth}"),
            Self::Number(number) => format!("number = {number}"),
            Self::Choice(choice) => format!("choice = {:?}", CHOICES[usize::from(*choice)].0),
            Self::Path(path) => format!("path = {path}"),
            Self::Type(ty) => format!("ty = {ty}"),
            Self::Expr(expr) => format!("expr = {expr}"),
            Self::List(list) => format!("list = [{}]", list.join(", ")),
        }
    }

    fn read(cx: &Context, name: &str, value: attribute::Value<'_>) -> syn::Result<Self> {
        Ok(match name {
            "time" => Self::Time(value.duration()?),
            "time_or_zero" => Self::TimeOrZero(value.duration_or_zero()?),
            "flag" => value.flag().map(|()| Self::Flag)?,
            "text" => Self::Text(value.string()?.value()),
            "truth" => Self::Truth(value.boolean()?),
            "number" => Self::Number(value.number("of some size")?),
            "choice" => Self::Choice(value.choice(&CHOICES)?),
            "path" => Self::Path(squeezed(value.path()?)),
            "ty" => Self::Type(squeezed(value.ty()?)),
            "expr" => Self::Expr(squeezed(value.expr()?)),
            _ => Self::List(value.list::<Path>(cx)?.into_iter().map(squeezed).collect()),
        })
    }
}

fn squeezed(tokens: impl quote::ToTokens) -> String {
    super::expansions::squeezed(&tokens.to_token_stream().to_string())
}

fn path() -> impl Strategy<Value = String> {
    prop::collection::vec("[a-z]{1,4}_", 1..4).prop_map(|segments| segments.join("::"))
}

fn value() -> impl Strategy<Value = Value> {
    let longest =
        u64::try_from(Duration::from_secs(365 * 24 * 60 * 60).as_nanos()).expect("a year fits");
    prop_oneof![
        (1..=longest).prop_map(|nanos| Value::Time(Duration::from_nanos(nanos))),
        (0..=longest).prop_map(|nanos| Value::TimeOrZero(Duration::from_nanos(nanos))),
        Just(Value::TimeOrZero(Duration::ZERO)),
        Just(Value::Flag),
        any::<String>().prop_map(Value::Text),
        any::<bool>().prop_map(Value::Truth),
        any::<i32>().prop_map(Value::Number),
        (0..3_u8).prop_map(Value::Choice),
        path().prop_map(Value::Path),
        path().prop_map(|path| Value::Type(format!("Vec<{path}>"))),
        path().prop_map(|path| Value::Expr(format!("{path}(1,2)"))),
        prop::collection::vec(path(), 0..4).prop_map(Value::List),
    ]
}

/// The arguments that are read, and the errors.
fn read(source: &str) -> (Vec<Value>, Option<syn::Error>) {
    let cx = Context::new();
    let mut values = Vec::new();
    attribute::parse(&cx, tokens(source), "`#[it(..)]`", TABLE, |key, value| {
        values.push(Value::read(&cx, &key.name, value)?);
        Ok(())
    });
    (values, cx.check().err())
}

proptest! {
    #[test]
    fn arguments_are_read_as_they_are_written(
        values in prop::collection::vec(value(), 0..8),
        comma in any::<bool>(),
    ) {
        let all: Vec<String> = values.iter().map(Value::written).collect();
        let last = if comma && !all.is_empty() { "," } else { "" };
        let source = format!("{}{last}", all.join(", "));
        let (read, error) = read(&source);
        prop_assert!(error.is_none(), "{}: {:?}", source, error);
        prop_assert_eq!(read, values);
    }

    #[test]
    fn one_wrong_argument_does_not_affect_the_others(
        before in prop::collection::vec(value(), 0..4),
        wrong in prop::sample::select(vec![
            "time = \"soon\"", "time", "flag = 1", "number = 1.5", "number = 99999999999", "choice = \"frist\"",
            "truth = 1", "text = b\"x\"", "unknown = 1", "list = a", "path = 1", "ty = 1", "list = [a b]", "time = ",
        ]),
        after in prop::collection::vec(value(), 0..4),
    ) {
        let written = |values: &[Value]| values.iter().map(Value::written).collect::<Vec<_>>();
        let all = [written(&before), vec![wrong.to_owned()], written(&after)].concat();
        let (read, error) = read(&all.join(", "));
        prop_assert_eq!(read, [before, after].concat());
        prop_assert_eq!(error.map(|error| error.into_iter().count()), Some(1), "{}", wrong);
    }

    #[test]
    fn a_duration_is_read_as_it_is_written_or_rejected_with_its_place(text in any::<String>()) {
        let source = format!("\ntime = {text:?}");
        match read(&source) {
            (read, None) => {
                let time = match read.as_slice() {
                    [Value::Time(time)] => *time,
                    other => panic!("{other:?}"),
                };
                prop_assert!(time > Duration::ZERO && time.as_secs() <= 365 * 24 * 60 * 60);
            }
            (read, Some(error)) => {
                prop_assert!(read.is_empty());
                prop_assert_eq!(error.span().start(), LineColumn { line: 2, column: 7 });
            }
        }
    }

    #[test]
    fn the_nearest_name_is_within_the_limit_and_none_is_nearer(
        name in "[a-c_]{0,8}",
        known in prop::collection::vec("[a-c_]{0,8}", 0..6),
    ) {
        let within = tolerance(&name);
        let all = || known.iter().map(String::as_str);
        let best = all().map(|known| osa_distance(&name, known)).min().filter(|best| *best <= within);
        let near = nearest(&name, all(), within);
        prop_assert_eq!(near.map(|near| osa_distance(&name, near)), best);
        prop_assert!(near.is_none_or(|near| all().any(|known| known == near)));
    }
}

#[test]
fn values_that_are_no_durations_of_more_than_0_and_at_most_365_days_are_rejected() {
    for value in [
        "\"-5s\"",
        "\"-1\"",
        "\"\"",
        "\" \"",
        "\"NaN\"",
        "\"inf\"",
        "\"1e300\"",
        "\"0\"",
        "\"0s\"",
        "\"366d\"",
        "\"31536001\"",
        "\"99999999999999999999999\"",
        "b\"5s\"",
        "b\"\\xff5s\"",
        "c\"5s\"",
        "5",
        "-5",
        "1.5",
        "Duration::MAX",
    ] {
        let (read, error) = read(&format!("\ntime = {value}"));
        assert_eq!(read, [], "{value}");
        let error = error.unwrap_or_else(|| panic!("{value} is accepted"));
        assert_eq!(
            error.span().start(),
            LineColumn { line: 2, column: 7 },
            "{value}"
        );
    }
}
