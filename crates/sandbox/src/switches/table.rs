//! What every switch is called in documents, what holds without it, and what it is about.

/// One switch, as tables show it.
pub(crate) struct About {
    /// In fixtures and in the control API.
    pub(crate) name: &'static str,
    /// As JSON.
    pub(crate) default: &'static str,
    /// The section of the facts that leaves it open, or tells of it.
    pub(crate) section: &'static str,
    pub(crate) says: &'static str,
}

/// In the order of [`Switch`](super::Switch).
pub(crate) const TABLE: &[About] = &[
    about(
        "strictPost",
        "false",
        "§6, §14 row 20",
        "topapi refuses anything but POST with errcode 43002; otherwise GET is taken, too",
    ),
    about(
        "printedForm",
        "false",
        "§6.1, §14 rows 1, 2",
        "topapi results as the official pages print them: scalars as text, lists of objects as one object",
    ),
    about(
        "refresh",
        "\"rotate\"",
        "§4.3, §16 row 4",
        "what a refresh does: a new pair and the old refresh token dead, the same pair again, or a time of grace",
    ),
    about(
        "unknownUser",
        "\"60121\"",
        "§6.1, §14 row 12",
        "errcode of an unknown user id at v2/user/get: 60121 as reported live, or 33012 as the page says",
    ),
    about(
        "callback",
        "\"both\"",
        "§4.4, §14 row 10",
        "the login callback carries `code` and `authCode`, as seen live, or `authCode` only, as the pages say",
    ),
    about("language", "\"chinese\"", "§1.6, §16 row 9", "language of message texts"),
    about(
        "unauthorizedClientStatus",
        "401",
        "§2.3, §14 row 21",
        "status of `unauthorized.client` at `{corpId}/token`: the pages say 401 and 400",
    ),
    about(
        "avatarAbsent",
        "false",
        "§6.1, §14 row 13",
        "a person without a picture has no `avatar`, as the page says, instead of an empty one, as seen live",
    ),
    about(
        "jsapiHash",
        "\"either\"",
        "§7.2, §16 row 1",
        "hashes that `dd.config` takes: by length, SHA-256 only, SHA-1 only",
    ),
    about(
        "corpTokenInvalidates",
        "false",
        "§3.1, §16 row 10",
        "a new corporation token kills the ones before it",
    ),
    about(
        "appRateLimit",
        "null",
        "§12",
        "calls per second of one app to one API; 20 in the standard edition",
    ),
    about("apiRateLimit", "null", "§12", "calls per second of all apps to one API"),
    about(
        "addressLimit",
        "null",
        "§12",
        "calls of one address in 20 seconds before a ban of 5 minutes; 10,000 on the platform",
    ),
    about(
        "banPageIsHtml",
        "true",
        "§12",
        "a banned address gets the HTML page instead of the JSON body",
    ),
    about(
        "monthlyQuota",
        "null",
        "§12",
        "billed calls per organization and month; 5,000 in the standard edition",
    ),
    about(
        "detailUrlRequired",
        "true",
        "§9.1, §14 row 16",
        "a to-do needs `detailUrl`, as the note says; the table says optional",
    ),
    about("appMinuteLimit", "null", "§11.3", "calls per minute of one app to one API"),
    about(
        "suiteRateLimit",
        "null",
        "§12",
        "calls per second of a vendor's app to one API for one organization",
    ),
    about("suiteMinuteLimit", "null", "§11.3", "the same per minute"),
    about(
        "retryAfter",
        "null",
        "§12, §16 row 2",
        "seconds in a `Retry-After` header of throttled answers; no capture shows one",
    ),
    about("oauthCodeLifeMs", "300000", "§4.3, §16 row 5", "life of an OAuth code; no page says it"),
    about(
        "corpIdTokenRenews",
        "true",
        "§2.4, §16 row 6",
        "an internal app that asks `{corpId}/token` again gets its living token renewed",
    ),
    about(
        "tokenInJsonBody",
        "false",
        "§1.3, §16 row 8",
        "topapi reads `access_token` from a JSON body, too",
    ),
    about("consentRecordUnwritable", "false", "§8.3", "consent fails with 500404"),
    about(
        "stoppedAppWorks",
        "false",
        "§11.2",
        "an app that an organization stopped goes on working there; otherwise it gets no token and 50003",
    ),
    about(
        "strictHosts",
        "true",
        "§1.1, §1.6",
        "a host of the platform that is called by its name serves its own families only",
    ),
    about(
        "regionsApart",
        "true",
        "§1.1, §16 row 12",
        "a host of one region knows no app, organization, token or code of the other one",
    ),
];

const fn about(
    name: &'static str,
    default: &'static str,
    section: &'static str,
    says: &'static str,
) -> About {
    About { name, default, section, says }
}
