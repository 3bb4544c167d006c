//! What was found so far, in bounded space.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use super::catalogue::Kind;
use super::finding::Finding;

/// More findings than anybody reads; what comes after is not new to anybody.
const MOST: usize = 1024;
const DETAILS: usize = 8;
/// So many entries from the beginning, and as many from the end.
const EVIDENCE: usize = 4;

type Key = (Kind, Option<Arc<str>>, &'static str);

#[derive(Debug, Default)]
pub(super) struct Ledger {
    found: HashMap<Key, Found>,
}

#[derive(Debug, Default)]
struct Found {
    count: u64,
    first_at: u64,
    last_at: u64,
    first: Vec<u64>,
    last: Vec<u64>,
    details: Vec<Cow<'static, str>>,
}

impl Ledger {
    pub(super) fn raise(
        &mut self,
        kind: Kind,
        app: Option<&Arc<str>>,
        operation: &'static str,
        at: u64,
        evidence: &[u64],
        detail: impl Into<Cow<'static, str>>,
    ) {
        let key = (kind, app.cloned(), operation);
        if self.found.len() >= MOST && !self.found.contains_key(&key) {
            return;
        }
        let found = self.found.entry(key).or_default();
        if found.count == 0 {
            found.first_at = at;
        }
        found.count += 1;
        found.last_at = at;
        for seq in evidence {
            if found.first.contains(seq) || found.last.contains(seq) {
                continue;
            }
            if found.first.len() < EVIDENCE {
                found.first.push(*seq);
                continue;
            }
            if found.last.len() >= EVIDENCE {
                found.last.remove(0);
            }
            found.last.push(*seq);
        }
        let detail = detail.into();
        if !detail.is_empty() && found.details.len() < DETAILS && !found.details.contains(&detail) {
            found.details.push(detail);
        }
    }

    pub(super) fn clear(&mut self) {
        self.found.clear();
    }

    pub(super) fn findings(&self) -> Vec<Finding> {
        let all = self.found.iter();
        all.map(|((kind, app, operation), found)| {
            let row = kind.row();
            Finding {
                id: row.id.to_owned(),
                severity: row.severity,
                app: app.as_deref().map(str::to_owned),
                operation: (*operation).to_owned(),
                what: row.what.to_owned(),
                details: found.details.iter().map(|detail| detail.to_string()).collect(),
                fix: row.fix.to_owned(),
                rests_on: row.rests_on.to_owned(),
                count: found.count,
                journal: found.first.iter().chain(&found.last).copied().collect(),
                first_at: found.first_at,
                last_at: found.last_at,
            }
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_stays_small_whatever_happens() {
        let mut ledger = Ledger::default();
        for seq in 0..5000_u64 {
            let app: Arc<str> = Arc::from(format!("app-{}", seq % 2000));
            let detail = format!("detail {seq}");
            ledger.raise(Kind::UnknownField, Some(&app), "GET /gettoken", seq, &[seq], detail);
        }
        for seq in 5000..6000 {
            ledger.raise(Kind::CodeLate, None, "", seq, &[seq], "");
            let app: Arc<str> = Arc::from("app-0");
            ledger.raise(Kind::UnknownField, Some(&app), "GET /gettoken", seq, &[seq], "x");
        }
        let findings = ledger.findings();
        assert_eq!(findings.len(), MOST);
        let most = findings.iter().max_by_key(|finding| finding.count).unwrap();
        assert_eq!(most.count, 1003);
        assert_eq!(most.journal, [0, 2000, 4000, 5000, 5996, 5997, 5998, 5999]);
        assert!(findings.iter().all(|finding| finding.details.len() <= DETAILS));
    }
}
