//! The languages that names of people and departments come in (wire-facts §6.1).

use serde::Serialize;

/// A language that names come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub enum Language {
    /// Chinese; the platform's default.
    #[serde(rename = "zh_CN")]
    ZhCn,
    /// English.
    #[serde(rename = "en_US")]
    EnUs,
}
