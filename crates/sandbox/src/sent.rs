//! What a request said, by the names of its parameters and fields; never by their values.

use crate::rng::MARK;

/// More names than this are of no use to anybody.
const MOST_ODD: usize = 8;
/// Names of the platform's parameters and fields are shorter.
const LONGEST: usize = 40;

/// The names that a request used: of those that its API has, which; of others, the first few.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sent {
    takes: &'static [&'static str],
    query: Names,
    fields: Names,
}

#[derive(Clone, Debug, Default)]
struct Names {
    /// One bit for each name that the API takes.
    known: u64,
    odd: Vec<String>,
}

impl Sent {
    pub(crate) fn to(takes: &'static [&'static str]) -> Self {
        Self { takes, ..Self::default() }
    }

    pub(crate) fn query(&mut self, name: &str) {
        self.query.note(self.takes, name);
    }

    pub(crate) fn field(&mut self, name: &str) {
        self.fields.note(self.takes, name);
    }

    pub(crate) fn query_names(&self) -> Vec<String> {
        self.query.list(self.takes)
    }

    pub(crate) fn field_names(&self) -> Vec<String> {
        self.fields.list(self.takes)
    }

    /// Names that the API does not have.
    pub(crate) fn odd(&self) -> impl Iterator<Item = &str> {
        self.query.odd.iter().chain(&self.fields.odd).map(String::as_str)
    }
}

impl Names {
    fn note(&mut self, takes: &[&str], name: &str) {
        if let Some(at) = takes.iter().position(|known| *known == name) {
            self.known |= 1 << at.min(63);
        } else if self.odd.len() < MOST_ODD {
            let shown = shown(name);
            if !self.odd.iter().any(|known| known == shown) {
                self.odd.push(shown.to_owned());
            }
        }
    }

    fn list(&self, takes: &[&str]) -> Vec<String> {
        let known = takes.iter().enumerate().filter(|(at, _)| self.known & (1 << at) != 0);
        known.map(|(_, name)| (*name).to_owned()).chain(self.odd.iter().cloned()).collect()
    }
}

/// A body that is read as a form may be anything, a secret too; what is no name is not shown.
fn shown(name: &str) -> &str {
    let word = name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && name.bytes().filter(u8::is_ascii_digit).count() <= 4;
    if word && name.len() <= LONGEST && !name.contains(MARK) { name } else { "(no name)" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_and_what_is_no_name_is_not() {
        let mut sent = Sent::to(&["code", "userid"]);
        for name in ["userid", "userid", "user_Id", "5ab0c5aaaaaaaaaaaaaaaaaaaaaaaaaa", "a-b", "x1"]
        {
            sent.field(name);
        }
        sent.query("code");
        assert_eq!(sent.query_names(), ["code"]);
        assert_eq!(sent.field_names(), ["userid", "user_Id", "(no name)", "x1"]);
        assert_eq!(sent.odd().collect::<Vec<_>>(), ["user_Id", "(no name)", "x1"]);
        for at in 0..100 {
            sent.field(&format!("a{at}"));
        }
        assert_eq!(sent.odd().count(), MOST_ODD);
    }
}
