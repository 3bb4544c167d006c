//! What each part of the sandbox rests on, stated next to nothing but the facts: a row for every operation, the shapes
//! of answers, and what is known to be missing. An operation without a row, a shape or an example fails a test.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::routes::{self, Door};
use crate::switches::TABLE;
use crate::wire::Family;

mod gaps;
mod rows;

use gaps::GAPS;
use rows::PUSHES;

/// Where knowledge comes from, the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Basis {
    /// Seen in a public capture of the real service.
    Live,
    /// Read in code that the platform's makers publish.
    Sdk,
    /// Read in a copy of the official documentation.
    Documented,
    /// Read in other people's code or notes.
    ThirdParty,
    /// A guess of ours; the row says why.
    Assumed,
}

/// What one operation rests on.
struct Row {
    operation: &'static str,
    /// Of the facts.
    section: &'static str,
    /// The members and types of a successful answer.
    success: &'static [Basis],
    /// Codes, statuses and texts of refusals.
    errors: &'static [Basis],
    /// When what happens.
    semantics: &'static [Basis],
    /// Each assumed part with its reason.
    assumed: &'static [&'static str],
}

/// What the sandbox does not do, or does otherwise than the platform.
struct Gap {
    what: &'static str,
    why: &'static str,
    /// Operations that the facts name and the sandbox lacks.
    missing: &'static [&'static str],
}

/// The table for people; `dingtalk-sandbox --fidelity` prints it.
pub(crate) fn markdown() -> String {
    let mut text = INTRODUCTION.to_owned();
    for (title, family) in [
        ("Old calls", Family::Old),
        ("topapi", Family::Topapi),
        ("v1.0", Family::V1),
        ("Pages", Family::Page),
    ] {
        let of_family = routes::all().filter(|operation| operation.family == family);
        let rows: Vec<&Row> = of_family.filter_map(|operation| row(operation.name)).collect();
        table(&mut text, title, &rows);
    }
    table(&mut text, "Pushes", &PUSHES.iter().collect::<Vec<_>>());
    text.push_str("\n## Switches for what is in doubt\n\n| switch | default | § | what it decides |\n|---|---|---|---|\n");
    for about in TABLE {
        let _ = writeln!(
            text,
            "| `{}` | `{}` | {} | {} |",
            about.name, about.default, about.section, about.says
        );
    }
    text.push_str("\n## What is missing, or different\n\n");
    for gap in GAPS {
        let _ = write!(text, "- {}: {}.", gap.what, gap.why);
        for operation in gap.missing {
            let _ = write!(text, " `{operation}`");
        }
        text.push('\n');
    }
    text
}

/// The same for programs, with the shape of each successful answer.
pub(crate) fn told() -> Value {
    let shapes: Value = serde_json::from_str(SHAPES).unwrap_or_default();
    let family = |family| match family {
        Family::Old => "old",
        Family::Topapi => "topapi",
        Family::V1 => "v1",
        Family::Page => "page",
    };
    let operations: Vec<Value> = routes::all()
        .map(|operation| {
            let mut told = row(operation.name).map_or_else(|| json!({}), told_row);
            told["operation"] = operation.name.into();
            told["family"] = family(operation.family).into();
            told["point"] = operation.point.into();
            told["caller"] = match operation.door {
                Door::Open(_) => "anybody",
                Door::App(_) => "app",
                Door::User(_) => "person",
                Door::Either(_) => "appOrPerson",
            }
            .into();
            told["billed"] = operation.billed.into();
            told["shape"] = shapes[operation.name].clone();
            told
        })
        .collect();
    let switches: Vec<Value> = TABLE
        .iter()
        .map(|about| {
            let default: Value = serde_json::from_str(about.default).unwrap_or_default();
            let (name, section, says) = (about.name, about.section, about.says);
            json!({ "name": name, "default": default, "section": section, "says": says })
        })
        .collect();
    let gaps: Vec<Value> = GAPS
        .iter()
        .map(|gap| json!({ "what": gap.what, "why": gap.why, "missing": gap.missing }))
        .collect();
    let pushes: Vec<Value> = PUSHES.iter().map(told_row).collect();
    json!({ "operations": operations, "pushes": pushes, "switches": switches, "gaps": gaps })
}

/// Members and types of successful answers: `text`, `integer`, `flag`, a list of one shape, an object of members; `?`
/// behind a name marks what may be absent.
const SHAPES: &str = include_str!("fidelity/shapes.json");

const INTRODUCTION: &str = "\
# What the sandbox's answers rest on

Made by `dingtalk-sandbox --fidelity` from the tables that the code itself carries; a test holds this file to them and
every operation to its row. `GET /_sandbox/v1/fidelity` gives the same as JSON, with the shape of each answer.

**live**: seen in a public capture of the real service. **SDK**: read in code that the platform's makers publish.
**documented**: read in the official documentation. **third party**: read in other people's code. **assumed**: a guess,
with its reason in the last column. Where several stand together, the first is the strongest and decides. § is the
section of the project's sheet of wire facts.

Common to the operations of a family, and not repeated below: a dead token, a missing one at topapi and v1.0, a missing
permission point there, and an unknown path are live (§1.3, §1.6). In the old calls 41001 for a missing token, 60011 for
a missing point and 43001 or 43002 for a wrong method are the code table's meaning. Assumed are: a token of another kind
counts as dead (§16 row 7); topapi takes GET (§6; switch `strictPost`); the code `Missing<field>` for members of v1.0
bodies other than those seen (§1.6, §16 row 13); the texts of throttled v1.0 answers, of which only codes and statuses
are known (§11.3, §16 row 2), and 90009 for a vendor's limit in an organization (§11.2 prints a range).
";

fn row(operation: &str) -> Option<&'static Row> {
    rows::all().find(|row| row.operation == operation)
}

fn table(text: &mut String, title: &str, rows: &[&Row]) {
    let _ = writeln!(
        text,
        "\n## {title}\n\n| operation | § | success | errors | semantics | assumed, and why |\n|---|---|---|---|---|---|"
    );
    for row in rows {
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} | {} | {} |",
            row.operation,
            row.section,
            words(row.success).join(", "),
            words(row.errors).join(", "),
            words(row.semantics).join(", "),
            row.assumed.join("; "),
        );
    }
}

fn told_row(row: &Row) -> Value {
    json!({
        "operation": row.operation,
        "section": row.section,
        "success": words(row.success),
        "errors": words(row.errors),
        "semantics": words(row.semantics),
        "assumed": row.assumed,
    })
}

fn words(bases: &[Basis]) -> Vec<&'static str> {
    let word = |basis: &Basis| match basis {
        Basis::Live => "live",
        Basis::Sdk => "SDK",
        Basis::Documented => "documented",
        Basis::ThirdParty => "third party",
        Basis::Assumed => "assumed",
    };
    bases.iter().map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_has_one_row_and_one_shape_and_no_row_is_left_over() {
        let shapes: Value = serde_json::from_str(SHAPES).unwrap();
        let shapes = shapes.as_object().unwrap();
        for operation in routes::all() {
            let rows = rows::all().filter(|row| row.operation == operation.name).count();
            assert_eq!(rows, 1, "rows for {} in src/fidelity/rows/", operation.name);
            assert!(
                shapes.contains_key(operation.name),
                "no shape for {} in src/fidelity/shapes.json",
                operation.name
            );
        }
        let known = |name: &str| routes::all().any(|operation| operation.name == name);
        assert_eq!(rows::all().find(|row| !known(row.operation)).map(|row| row.operation), None);
        assert_eq!(shapes.keys().find(|name| !known(name)), None);
    }

    #[test]
    fn a_row_gives_a_reason_exactly_where_it_assumes_something() {
        for row in rows::all().chain(PUSHES) {
            let parts = [row.success, row.errors, row.semantics];
            assert!(parts.iter().all(|part| !part.is_empty()), "{}", row.operation);
            let assumes = parts.iter().any(|part| part.contains(&Basis::Assumed));
            assert_eq!(assumes, !row.assumed.is_empty(), "{}", row.operation);
            assert!(row.section.starts_with('§'), "{}", row.operation);
        }
    }

    #[test]
    fn what_a_gap_calls_missing_is_missing() {
        for operation in GAPS.iter().flat_map(|gap| gap.missing) {
            let there = routes::all().any(|known| known.name == *operation);
            assert!(!there, "{operation} is there: take it out of src/fidelity/gaps.rs");
        }
    }

    #[test]
    fn the_published_table_is_the_one_in_the_code() {
        let published = include_str!("../FIDELITY.md");
        assert!(published == markdown(), "run: dingtalk-sandbox --fidelity > FIDELITY.md");
    }
}
