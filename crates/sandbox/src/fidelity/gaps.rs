//! What the sandbox lacks, or does otherwise than the platform, and why.

use super::Gap;

pub(super) const GAPS: &[Gap] = &[
    gap(
        "Authorizing an organization anew over the old calls",
        "the platform has replaced them, and no source has their members",
        &["POST /service/reauth_corp", "POST /service/get_unactive_corp"],
    ),
    gap(
        "The tokens of the old scan login",
        "neither the life of the token nor any error is in a source",
        &["GET /sns/gettoken", "POST /sns/get_persistent_code"],
    ),
    gap(
        "The device flow of the official command line tool",
        "only the paths and the names of its states are known",
        &["POST /oauth2/device/code.json", "POST /oauth2/device/token.json"],
    ),
    gap(
        "The page on which an administrator consents for an organization",
        "its outcome is reached through `Sandbox::authorize` and the openAuth page with type 1",
        &["GET /{corpId}/adminConsent"],
    ),
    gap(
        "RDS pushes",
        "vendors' databases are out of reach of a local sandbox; the events come by HTTP, SyncHTTP and Stream",
        &[],
    ),
    gap(
        "Changing the address book over the platform's own API",
        "the facts hold no request of it; the control API changes people and departments",
        &[],
    ),
    gap(
        "A third-party app at `/topapi/v2/user/getbymobile` is answered like any other",
        "the page says internal apps only, and no source has the refusal",
        &[],
    ),
    gap(
        "Personal apps at the user token's endpoint",
        "the sandbox has internal apps, third-party apps and apps with a CustomKey",
        &[],
    ),
    gap(
        "HTTP/2 without TLS, and faults within its frames",
        "clients agree on HTTP/2 under TLS only; there an answer said twice is said once, one whose bytes are wrong ends \
         the connection, and what happens behind an answer does not",
        &[],
    ),
    gap(
        "Categories, the bin and sources of to-dos made elsewhere",
        "nothing that the sandbox offers can put a to-do there, so lists of them are empty",
        &[],
    ),
    gap(
        "Frames of Stream that the facts do not have",
        "no source shows more system messages than ping and disconnect",
        &[],
    ),
    gap(
        "An address that is not on an app's list, and the platform's own breakdowns",
        "they happen only where a fault asks for them",
        &[],
    ),
];

const fn gap(what: &'static str, why: &'static str, missing: &'static [&'static str]) -> Gap {
    Gap { what, why, missing }
}
