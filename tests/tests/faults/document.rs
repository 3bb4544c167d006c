//! `tests/FAULTS.md`: the table for people.

use std::fmt::Write;

use crate::kinds::{self, By, Kind};
use crate::operations::{self, Operation};
use crate::rule::{ATTEMPTS, Class, Rule};

/// The whole document.
pub(crate) fn markdown() -> String {
    let pairs = kinds::all().count() * operations::ALL.len();
    let secure = kinds::all().filter(|kind| kind.is_for_https()).count() * operations::ALL.len();
    let mut text = format!(
        "# What happens when something goes wrong\n\n\
         {} kinds of fault × {} operations × 2 clients (blocking, async): {} cells, each of them run; and \
         {} more over HTTPS, where the blocking client speaks HTTP/1.1 and the async one HTTP/2. \
         This file is generated from the table that the test runs by, and a test holds it to that:\n\n\
         ```sh\n\
         cargo test -p dingtalk-tests --test faults\n\
         FAULTS_ONLY='wire: closed' cargo test -p dingtalk-tests --test faults every_cell -- --nocapture\n\
         WRITE_FAULTS=1 cargo test -p dingtalk-tests --test faults document   # writes this file\n\
         ```\n\n\
         In each cell the fault strikes once, then for as long as it lasts, and then not at all; the last \
         call has to work at the first try, on the same client and its pool. Each call is judged by how it \
         ends, by how often its request left the client, by the time it took, and on the other side, in the \
         sandbox's journal and state, by how often it arrived and was executed: what must not be repeated \
         is executed once at most, and goes out again only where it is certain that it was not. Nothing \
         that is printed, logged at the lowest level or written into the journal holds a secret, in any of \
         some twenty forms.\n\n",
        kinds::all().count(),
        operations::ALL.len(),
        pairs * 2,
        secure * 2,
    );
    rules(&mut text);
    let mut group = "";
    for kind in kinds::all() {
        if kind.group != group {
            group = kind.group;
            let _ = writeln!(
                text,
                "\n## {}\n\n| fault | brought about by | executed? | rule | reads, tokens | writes, codes |\n\
                 |---|---|---|---|---|---|",
                heading(group)
            );
        }
        row(&mut text, kind);
    }
    exceptions(&mut text);
    operations(&mut text);
    text.push_str(ABSENT);
    text
}

fn rules(text: &mut String) {
    let _ = write!(
        text,
        "## The four rules\n\n\
         | rule | what is known | reads and tokens | writes and one-time codes |\n\
         |---|---|---|---|\n\
         | unfelt | the call does not feel it | work | work |\n\
         | harmless | nothing was executed | go out again; if it lasts, the error after {ATTEMPTS} tries | \
         the same |\n\
         | doubtful | it may have been executed | go out again; if it lasts, the error after {ATTEMPTS} \
         tries | the error at once, after one |\n\
         | final | going out again would not help | the error at once, after one | the same |\n\n\
         ({ATTEMPTS} tries is this matrix's policy; a client makes three unless told.) In the tables \
         \"works, `Busy`\" reads: works where the fault strikes once, and ends with \
         `ErrorKind::Busy` where it lasts.\n"
    );
}

fn heading(group: &str) -> String {
    let mut chars = group.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().collect::<String>() + chars.as_str())
        .unwrap_or_default()
}

fn row(text: &mut String, kind: &Kind) {
    let mark = if kind.exceptions.is_empty() { "" } else { " *" };
    let _ = writeln!(
        text,
        "| {}{mark} | {} | {} | {} | {} | {} |",
        kind.name,
        by(kind),
        if kind.executes { "yes" } else { "no" },
        rule(kind.rule),
        ends(kind, kind.rule, Class::Read),
        ends(kind, kind.rule, Class::Write),
    );
}

fn by(kind: &Kind) -> &'static str {
    match kind.by {
        By::Sandbox(_) if kind.is_for_https() => "a rule of the sandbox's, over HTTPS too",
        By::Sandbox(_) => "a rule of the sandbox's",
        By::Front(_) => "a server before the sandbox",
        By::HangUp(_) => "such a server, between two calls",
        By::Token(_) => "such a server, on the token request",
        By::Place(_) => "where the request is led",
        By::Clock(_) | By::Suspend => "the client's clock",
        By::Deed(_) => "the platform, in between",
    }
}

fn rule(rule: Rule) -> &'static str {
    match rule {
        Rule::Unfelt => "unfelt",
        Rule::Harmless(_) => "harmless",
        Rule::Doubtful(_) => "doubtful",
        Rule::Final(_) => "final",
    }
}

fn ends(kind: &Kind, rule: Rule, class: Class) -> String {
    let once = rule.expects(class, false).end;
    let lasts = rule.expects(class, !kind.happens_once()).end;
    if once == lasts { once.to_string() } else { format!("{once}, {lasts}") }
}

fn exceptions(text: &mut String) {
    text.push_str(
        "\n## Exceptions, marked * above\n\n| fault | operations | rule | ends | because |\n|---|---|---|---|---|\n",
    );
    for kind in kinds::all() {
        for exception in kind.exceptions {
            let class = |name: &&str| operations::ALL.iter().find(|it| it.name == *name);
            let class =
                exception.operations.first().and_then(class).map_or(Class::Read, |it| it.class);
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} |",
                kind.name,
                exception.operations.join(", "),
                rule(exception.rule),
                ends(kind, exception.rule, class),
                exception.why,
            );
        }
    }
}

fn operations(text: &mut String) {
    text.push_str(
        "\n## The operations\n\n| class | operation | request that is struck |\n|---|---|---|\n",
    );
    for class in Class::ALL {
        for Operation { name, struck, .. } in operations::ALL.iter().filter(|it| it.class == class)
        {
            let class = match class {
                Class::Read => "read",
                Class::Token => "token",
                Class::Write => "write",
                Class::Code => "one-time code",
            };
            let _ = writeln!(text, "| {class} | {name} | `{struck}` |");
        }
    }
}

const ABSENT: &str = "
## What is not in the table

- A name server that lies about the platform's names: TLS refuses whoever answers, as in \"the name leads to this
  machine\". A resolver that refuses private addresses is not needed for that, and there is none.
- Faults of token stores, and processes that are killed: the stores' own tests have them.
- `hyper` says nothing to `tracing` unless the whole program is built with `--cfg hyper_unstable_tracing`, as `tests/run`
  builds this test; `h2`, `hyper-util`, `rustls` and `ureq` are listened to as they are.
- `ureq_proto` dumps whole exchanges at its lowest level, in rows of sixteen bytes. That cannot be kept from outside,
  so the log is searched without these rows; `tests/tests/leaks.rs` shows what is in them.
";
