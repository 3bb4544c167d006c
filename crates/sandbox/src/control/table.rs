//! What there is: the server, the description and its test all go by this table.

use super::{Answer, Ask, Problem, apps, company, faults, people, state, stream, traffic};

type Handler = fn(&Ask<'_>) -> Result<Answer, Problem>;

/// One method of one path.
pub(super) struct Endpoint {
    pub(super) method: &'static str,
    /// Below `/_sandbox/v1`.
    pub(super) path: &'static str,
    pub(super) says: &'static str,
    pub(super) query: &'static [Field],
    pub(super) body: Option<Body>,
    pub(super) status: u16,
    /// The content type of its answer.
    pub(super) kind: &'static str,
    /// Needs no token.
    pub(super) open: bool,
    /// Takes a whole snapshot.
    pub(super) large: bool,
    pub(super) handler: Handler,
}

/// A JSON object that is sent.
pub(super) struct Body {
    pub(super) fields: &'static [Field],
    /// One that works against the demo company.
    pub(super) example: &'static str,
}

pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) required: bool,
    pub(super) says: &'static str,
}

#[derive(Clone, Copy)]
pub(super) enum Kind {
    Text,
    Whole,
    Number,
    Flag,
    /// A flag in a query.
    Bit,
    /// A whole number, or `null` for none.
    Limit,
    Texts,
    Wholes,
    Objects,
    Object,
    Any,
    OneOf(&'static [&'static str]),
}

use Kind::{Any, Bit, Flag, Limit, Number, Object, Objects, OneOf, Text, Texts, Whole, Wholes};

pub(super) const REVEAL: &[Field] =
    &[may("reveal", Bit, "1 shows client secrets and suite tickets")];
const OPERATION: Field =
    may("operation", Text, "method and path template of the API; a * at the end matches any rest");
const CORP: Field =
    may("corpId", Text, "in this organization; the sandbox's first one if not given");
const IN_CORP: &[Field] = &[CORP];
const APP: Field = may("app", Text, "client id of the app that called");
const STATUS: Field = may("status", Whole, "HTTP status of the answer; 0: it was lost");
const SINCE: Field = may("since", Whole, "only entries with a higher seq");
pub(super) const TIMEOUT: Field =
    may("timeoutMs", Whole, "longest wait; 30000 if not given, and never more than 60000");

pub(super) static ENDPOINTS: &[Endpoint] = &[
    get("/health", "Says that the sandbox runs.", state::health).open(),
    get("/version", "Name and version of the program and of this API.", state::version).open(),
    get("/openapi.json", "This description.", state::description),
    get(
        "/fidelity",
        "What each operation rests on and its answer's shape, switches, and what is missing.",
        state::rests_on,
    ),
    get("/clock", "The sandbox's moment, whether it stands still, and its speed.", state::clock),
    post("/clock", "Moves the clock: stop or start, then set, speed, advance.", state::move_clock)
        .takes(CLOCK, r#"{"advanceMs":1000}"#),
    get("/people", "The people, in the order in which they came.", company::people).query(&[
        CORP,
        may("offset", Whole, "how many to leave out"),
        may("limit", Whole, "how many to show; 100 if not given"),
    ]),
    get("/people/{userId}", "One person.", company::person).query(IN_CORP),
    put("/people/{userId}", "Adds a person, or replaces one.", company::put_person)
        .query(IN_CORP)
        .takes(PERSON, r#"{"userId":"u-example","name":"样例","departments":[1]}"#),
    delete("/people/{userId}", "Removes a person.", company::delete_person)
        .query(IN_CORP),
    get("/departments", "The departments, parents first.", company::departments).query(IN_CORP),
    get("/departments/{id}", "One department.", company::department).query(IN_CORP),
    put("/departments/{id}", "Adds a department, or changes one.", company::put_department)
        .query(IN_CORP)
        .takes(DEPARTMENT, r#"{"id":900,"name":"样例"}"#),
    delete("/departments/{id}", "Removes an empty department.", company::delete_department)
        .query(IN_CORP),
    delete("/departments/{id}", "Removes an empty department.", company::delete_department),
    put("/region", "Moves an organization, with the apps it owns, to a region.", company::put_region)
        .takes(REGION, r#"{"region":"international"}"#),
    get("/apps", "The apps, without their secrets.", apps::apps).query(REVEAL),
    get("/apps/{clientId}", "One app.", apps::app).query(REVEAL),
    put(
        "/apps/{clientId}",
        "Adds an app (with its clientSecret), or replaces one (which keeps a secret that is left out).",
        apps::put_app,
    )
    .takes(APP_FIELDS, r#"{"clientId":"dingexample","clientSecret":"of-the-example"}"#),
    delete("/apps/{clientId}", "Removes an app; its tokens die.", apps::delete_app),
    post("/apps/{clientId}/grant", "Adds points and grants them.", apps::grant)
        .takes(POINTS, r#"{"points":["qyapi_get_member"]}"#),
    post("/apps/{clientId}/revoke", "Takes points back, from organizations and people.", apps::revoke)
        .takes(POINTS, r#"{"points":["qyapi_get_member"]}"#),
    post("/apps/{clientId}/request", "Adds points without granting them.", apps::request)
        .takes(POINTS, r#"{"points":["qyapi_get_member"]}"#),
    post("/apps/{clientId}/disable", "Disables the app, or enables it again.", apps::disable)
        .takes(&[need("disabled", Flag, "whether it is")], r#"{"disabled":true}"#),
    get("/stream/connections", "The open Stream connections.", stream::connections)
        .query(&[may("app", Text, "only those of this client id")]),
    post("/stream/disconnect", "Asks connections to leave, as DingTalk does.", stream::disconnect)
        .takes(
            &[may("connectionId", Text, "this one"), may("clientId", Text, "all of this app")],
            r#"{"clientId":"dingdemo5ab0c5quick"}"#,
        ),
    post("/stream/callbacks", "Sends an app a callback over Stream.", stream::call_back).takes(
        CALLBACK,
        r#"{"clientId":"dingdemo5ab0c5quick","topic":"/v1.0/im/bot/messages/get","data":{"text":"hi"}}"#,
    ),
    get("/stream/answers", "What apps answered to callbacks over Stream.", stream::answers),
    post("/codes", "A one-time code, as a log-in of this person gives.", people::issue_code)
        .takes(CODE, r#"{"kind":"silent","userId":"manager01"}"#)
        .creates(),
    get("/consents", "What people granted to apps.", people::consents).query(&[
        may("clientId", Text, "only to this app"),
        may("userId", Text, "only by this person"),
    ]),
    post("/consents", "The outcome of the openAuth dialog with this person.", people::consent).takes(
        CONSENT,
        r#"{"clientId":"dingdemo5ab0c5quick","userId":"manager01","fieldScope":"Contact.User.mobile"}"#,
    ),
    delete("/consents", "Takes back what a person granted to an app.", people::withdraw).takes(
        &[
            need("clientId", Text, "the app"),
            need("userId", Text, "the person"),
            may("points", Texts, "only these; all if not given"),
        ],
        r#"{"clientId":"dingdemo5ab0c5quick","userId":"manager01"}"#,
    ),
    post("/tokens/revoke", "Kills one token, or all access tokens.", people::revoke).takes(
        &[
            may("token", Text, "this one, of any kind"),
            may("fingerprint", Text, "the one that is listed so"),
            may("all", Flag, "all access tokens"),
        ],
        r#"{"all":true}"#,
    ),
    get("/switches", "All switches.", state::switches),
    put("/switches", "Sets those that are given.", state::set_switches)
        .takes(SWITCHES, r#"{"strictPost":false}"#),
    get("/faults", "The faults in force, with their hits.", faults::faults),
    post("/faults", "Makes calls go wrong.", faults::add_fault)
        .takes(FAULT, r#"{"operation":"GET /gettoken","action":{"kind":"close"}}"#)
        .creates(),
    delete("/faults", "Takes all faults back.", faults::clear_faults),
    get("/faults/{id}", "One fault.", faults::fault),
    delete("/faults/{id}", "Takes one fault back.", faults::remove_fault),
    get("/gates", "The closed gates, with what they hold.", traffic::gates),
    post("/gates", "Holds matching calls until the gate is released.", traffic::add_gate)
        .takes(
            &[need("operation", Text, "method and path template, or a beginning with *")],
            r#"{"operation":"GET /gettoken"}"#,
        )
        .creates(),
    delete("/gates", "Releases all gates.", traffic::release_gates),
    get("/gates/{id}/arrivals", "Waits until so many calls have come.", traffic::gate_arrivals)
        .query(&[may("times", Whole, "how many; 1 if not given"), TIMEOUT]),
    post("/gates/{id}/release", "Lets the held calls go on.", traffic::release_gate),
    get("/journal", "Requests and their outcome, redacted, oldest first.", traffic::journal).query(&[
        OPERATION,
        APP,
        STATUS,
        SINCE,
        may("limit", Whole, "how many at most; 1000 if not given"),
    ]),
    delete("/journal", "Forgets all entries and counts.", traffic::clear_journal),
    get("/journal/wait", "Waits until an API was called so often.", traffic::wait_journal).query(&[
        need("operation", Text, "method and path template of one API"),
        may("times", Whole, "how often; 1 if not given"),
        TIMEOUT,
    ]),
    get("/journal/live", "New entries as server-sent events.", traffic::live_journal)
        .query(&[OPERATION, APP, STATUS, SINCE])
        .gives("text/event-stream"),
    get("/journal/export", "All entries as JSON lines.", traffic::export_journal)
        .query(&[OPERATION, APP, STATUS, SINCE])
        .gives("application/x-ndjson"),
    get("/findings", "What clients did wrong so far, the worst first.", traffic::findings).query(&[
        may("least", OneOf(&["info", "warn", "error"]), "only findings that are so bad or worse"),
    ]),
    delete("/findings", "Forgets the findings.", traffic::clear_findings),
    post("/verify-config", "Judges a page's dd.config.", state::verify_config).takes(
        &[need("config", Any, "the object"), need("url", Text, "the page's address")],
        r#"{"config":{"corpId":"x"},"url":"https://app.example.com/"}"#,
    ),
    post("/reset", "Goes back to the state at the start.", state::reset),
    get("/snapshot", "The whole state, secrets included.", state::save),
    put("/snapshot", "Takes over a state that was saved.", state::load).takes_snapshot(),
    post("/snapshot/changes", "What has changed since a state was saved, without secrets.", state::changes)
        .takes_snapshot(),
];

const CLOCK: &[Field] = &[
    may("freeze", Flag, "stand still"),
    may("run", Flag, "run on"),
    may("setMs", Whole, "milliseconds since 1970"),
    may("speed", Number, "seconds here for one on the machine"),
    may("advanceMs", Whole, "forward by so much"),
];

const PERSON: &[Field] = &[
    need("userId", Text, "in the organization"),
    need("name", Text, ""),
    may("unionId", Text, "across organizations; derived from userId if not given"),
    may("englishName", Text, ""),
    may("mobile", Text, "without the country code 86"),
    may("email", Text, ""),
    may("loginEmail", Text, ""),
    may("orgEmail", Text, ""),
    may("avatar", Text, "address of the picture"),
    may("title", Text, ""),
    may("jobNumber", Text, ""),
    may("telephone", Text, ""),
    may("workPlace", Text, ""),
    may("remark", Text, ""),
    may("extension", Text, "the organization's own fields, as JSON text"),
    may("hiredMs", Whole, "milliseconds since 1970"),
    may("manager", Text, "userId of the superior"),
    may("departments", Wholes, "the root if there are none"),
    may("leads", Wholes, "departments that the person leads"),
    may("roles", Objects, "each with id, group, name"),
    may("admin", Flag, "main administrator"),
    may("subAdmin", Flag, "another administrator, who may not grant sensitive points"),
    may("boss", Flag, ""),
    may("hidesMobile", Flag, ""),
    may("inactive", Flag, "was invited and never activated the account"),
    may("external", Flag, "an external contact, no employee"),
];

const DEPARTMENT: &[Field] = &[
    need("id", Whole, "1 is the root"),
    need("name", Text, ""),
    may("englishName", Text, ""),
    may("parent", Whole, "the root if not given"),
    may("managers", Texts, "their userIds"),
];

const REGION: &[Field] = &[
    need("region", OneOf(&["china", "international"]), "dingtalk.com or dingtalk.io"),
    may("corpId", Text, "the sandbox's organization if not given"),
];

const APP_FIELDS: &[Field] = &[
    need("clientId", Text, "also called app key, or suite key"),
    may("clientSecret", Text, "must be there for a new app"),
    may("kind", OneOf(&["internal", "thirdParty", "custom"]), "internal if not given"),
    may("corpId", Text, "the owner; the sandbox's organization if not given"),
    may("agentId", Whole, ""),
    may("name", Text, ""),
    may("requested", Texts, "points that were added"),
    may("granted", Texts, "points to be added and granted where the app works"),
    may("grantedIn", Object, "organization to granted points"),
    may("grantEverything", Flag, "grant the whole catalogue"),
    may("redirectUris", Texts, ""),
    may(
        "contactScope",
        Object,
        "departments and users that the app may see; everybody if not given",
    ),
    may("disabled", Flag, ""),
    may("suiteTicket", Text, ""),
    may("openedBy", Texts, "organizations that opened a third-party app"),
];

const POINTS: &[Field] = &[need("points", Texts, "codes of the catalogue")];

const CALLBACK: &[Field] = &[
    need("clientId", Text, "the app"),
    need("topic", Text, "what a connection must have asked for"),
    need("data", Any, "what the app's handler reads"),
];

const CODE: &[Field] = &[
    need("kind", OneOf(&["silent", "oauth", "sso", "sns"]), "which door it opens"),
    need("userId", Text, "who logs in"),
    may("clientId", Text, "the demo's internal app, or the only one, if not given"),
    may("corpId", Text, "the sandbox's organization if not given"),
    may("scopes", Texts, "of an oauth code: openid, corpid"),
];

const CONSENT: &[Field] = &[
    need("clientId", Text, "the app that asks"),
    need("userId", Text, "who sits in front of the dialog"),
    may("corpId", Text, "the sandbox's organization if not given"),
    may("rpcScope", Text, "codes of interfaces, separated by commas"),
    may("fieldScope", Text, "codes of fields, separated by commas"),
    may("kind", OneOf(&["delegated", "application"]), "type 0, or type 1"),
    may("decision", OneOf(&["approve", "refuse", "askAdmin"]), "approve if not given"),
];

const SWITCHES: &[Field] = &[
    may("strictPost", Flag, "topapi takes POST only"),
    may("printedForm", Flag, "topapi results as the pages print them"),
    may("refresh", Any, "\"rotate\", \"samePair\" or {\"graceMs\": n}"),
    may("unknownUser", OneOf(&["60121", "33012"]), "errcode of an unknown user id"),
    may("callback", OneOf(&["both", "authCodeOnly"]), "parameters of the login callback"),
    may("language", OneOf(&["chinese", "english"]), "of message texts"),
    may("unauthorizedClientStatus", Whole, "401 or 400"),
    may("avatarAbsent", Flag, "no avatar instead of an empty one"),
    may("jsapiHash", OneOf(&["either", "sha256Only", "sha1Only"]), "what dd.config accepts"),
    may("corpTokenInvalidates", Flag, "a new corporation token kills the old ones"),
    may("appRateLimit", Limit, "calls per second of one app to one API"),
    may("apiRateLimit", Limit, "calls per second of all apps to one API"),
    may("addressLimit", Limit, "calls of one address in 20 seconds"),
    may("banPageIsHtml", Flag, "the ban is a page, not JSON"),
    may("monthlyQuota", Limit, "billed calls per organization and month"),
    may("detailUrlRequired", Flag, "a to-do needs detailUrl"),
    may("appMinuteLimit", Limit, "calls per minute of one app to one API"),
    may(
        "suiteRateLimit",
        Limit,
        "calls per second of a vendor's app to one API for one organization",
    ),
    may("suiteMinuteLimit", Limit, "the same per minute"),
    may("retryAfter", Limit, "seconds in a Retry-After header of throttled answers"),
    may("oauthCodeLifeMs", Whole, "life of an OAuth code"),
    may("corpIdTokenRenews", Flag, "{corpId}/token renews an internal app's living token"),
    may("tokenInJsonBody", Flag, "topapi reads access_token from a JSON body, too"),
    may("consentRecordUnwritable", Flag, "consent fails with 500404"),
    may("stoppedAppWorks", Flag, "an app that an organization stopped goes on working there"),
    may("strictHosts", Flag, "a host called by its name serves its own families only"),
    may("regionsApart", Flag, "a .com host knows nothing of .io, and the reverse"),
];

/// Its other members are nobody's business but the sandbox's.
const SNAPSHOT: &[Field] =
    &[need("format", Text, "dingtalk-sandbox snapshot"), need("version", Whole, "of the format")];

const FAULT: &[Field] = &[
    need("operation", Text, "method and path template, or a beginning with *; accept: connections"),
    may("app", Text, "only calls of this client id"),
    may("header", Object, "only calls with this header: name, and value where that counts"),
    may("nth", Whole, "the n-th call; with every, the first one"),
    may("after", Whole, "all calls behind the first n"),
    may("every", Whole, "each n-th call"),
    may("times", Whole, "how many strikes"),
    may("probability", Object, "p from 0 to 1, and the seed that decides"),
    may("lifetimeMs", Whole, "by the sandbox's clock"),
    may("delayMs", Whole, "before the answer"),
    may("delayBetween", Object, "before the answer: leastMs, mostMs, and the seed that decides"),
    may(
        "dateSkewMs",
        Whole,
        "how far the Date header is ahead of the sandbox's clock; negative: behind",
    ),
    may("answerHeaders", Objects, "name and value, in place of the answer's own"),
    may(
        "action",
        Object,
        "kind: pass, answer (status, contentType, body or bodyBase64), raw (base64), platformError (error), \
         errcode (code, message), subCode (code, message), v1Error (status, code, message), \
         executeThenDrop, close, reset, stall, truncate (len), resetAfter (len), stallAfter (len), drip (pauseMs, after), \
         truncateHead (len), resetInHead (len), stallInHead (len), contentLengthOff (by), badChunk, bothLengths, \
         closeAfterAnswer, closeOnNextRequest, duplicate, wrongType (pointer, to: text, number, flag, null, list, \
         object), setMember (pointer, json), numbersAsText, allNull, cutBody (len), invalidUtf8, duplicateKeys, nested \
         (depth), padded (len)",
    ),
];

pub(super) const fn need(name: &'static str, kind: Kind, says: &'static str) -> Field {
    Field { name, kind, required: true, says }
}

pub(super) const fn may(name: &'static str, kind: Kind, says: &'static str) -> Field {
    Field { name, kind, required: false, says }
}

pub(super) const fn get(path: &'static str, says: &'static str, handler: Handler) -> Endpoint {
    Endpoint {
        method: "GET",
        path,
        says,
        query: &[],
        body: None,
        status: 200,
        kind: "application/json",
        open: false,
        large: false,
        handler,
    }
}

pub(super) const fn post(path: &'static str, says: &'static str, handler: Handler) -> Endpoint {
    Endpoint { method: "POST", ..get(path, says, handler) }
}

pub(super) const fn put(path: &'static str, says: &'static str, handler: Handler) -> Endpoint {
    Endpoint { method: "PUT", ..get(path, says, handler) }
}

pub(super) const fn delete(path: &'static str, says: &'static str, handler: Handler) -> Endpoint {
    Endpoint { method: "DELETE", ..get(path, says, handler) }
}

impl Endpoint {
    pub(super) const fn query(mut self, fields: &'static [Field]) -> Self {
        self.query = fields;
        self
    }

    pub(super) const fn takes(mut self, fields: &'static [Field], example: &'static str) -> Self {
        self.body = Some(Body { fields, example });
        self
    }

    const fn takes_snapshot(mut self) -> Self {
        self.large = true;
        self.takes(SNAPSHOT, "")
    }

    pub(super) const fn creates(mut self) -> Self {
        self.status = 201;
        self
    }

    const fn gives(mut self, kind: &'static str) -> Self {
        self.kind = kind;
        self
    }

    const fn open(mut self) -> Self {
        self.open = true;
        self
    }
}
