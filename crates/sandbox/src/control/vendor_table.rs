//! The part of the table that is about organizations, third-party apps and events.

use super::table::Kind::{Bit, Flag, Object, Text, Texts, Whole, Wholes};
use super::table::{Endpoint, Field, REVEAL, TIMEOUT, delete, get, may, need, post, put};
use super::{callbacks, grants, organizations, suites};

const CLIENT: Field = may("clientId", Text, "only those of this app");

pub(super) static VENDOR: &[Endpoint] = &[
    get("/organizations", "The organizations.", organizations::organizations),
    get("/organizations/{corpId}", "One organization.", organizations::organization),
    put(
        "/organizations/{corpId}",
        "Adds an organization, or renames one.",
        organizations::put_organization,
    )
    .takes(
        &[need("corpId", Text, ""), need("name", Text, "")],
        r#"{"corpId":"dingorgexample","name":"样例公司"}"#,
    ),
    delete(
        "/organizations/{corpId}",
        "Removes an organization other than the first one, with everybody in it.",
        organizations::delete_organization,
    ),
    get("/suites", "The third-party apps.", suites::suites).query(REVEAL),
    post("/suites", "Adds a third-party app and shows its secrets this once.", suites::create_suite)
        .takes(
            &[
                may("suiteKey", Text, "made up if not given"),
                may("suiteSecret", Text, "made up if not given"),
                may("name", Text, "the suite key if not given"),
                may("requested", Texts, "points that the app asks for"),
                may("openedBy", Texts, "organizations that have opened it and granted all points"),
            ],
            r#"{"name":"样例应用","requested":["qyapi_get_member"]}"#,
        )
        .creates(),
    get("/suites/{suiteKey}", "One third-party app.", suites::suite).query(REVEAL),
    post("/suites/{suiteKey}/ticket/push", "Pushes the present ticket again.", suites::push_ticket),
    post(
        "/suites/{suiteKey}/ticket/renew",
        "Makes a new ticket, which ends the former one, and pushes it.",
        suites::renew_ticket,
    ),
    get(
        "/suites/{suiteKey}/authorizations",
        "The organizations that opened the app, and on which terms.",
        suites::authorizations,
    ),
    get("/suites/{suiteKey}/authorizations/{corpId}", "One of them.", suites::authorization),
    put(
        "/suites/{suiteKey}/authorizations/{corpId}",
        "The organization opens the app, or changes what it granted.",
        suites::authorize,
    )
    .takes(
        &[
            may("points", Texts, "all that the app asks for if not given"),
            may("contactScope", Object, "departments and users that the app may see there"),
        ],
        r#"{"contactScope":{"departments":[1]}}"#,
    ),
    delete(
        "/suites/{suiteKey}/authorizations/{corpId}",
        "The organization throws the app out.",
        suites::revoke_authorization,
    ),
    post(
        "/suites/{suiteKey}/authorizations/{corpId}/stop",
        "The organization stops the app.",
        suites::stop,
    ),
    post(
        "/suites/{suiteKey}/authorizations/{corpId}/start",
        "The organization starts the app again.",
        suites::start,
    ),
    get("/callbacks", "Who is told of events, and where.", callbacks::callbacks)
        .query(&[may("reveal", Bit, "1 shows tokens and AES keys")]),
    put(
        "/callbacks/{clientId}",
        "Sets up an app's callback on this machine, after asking its URL.",
        callbacks::put_callback,
    )
    .takes(
        &[
            need("clientId", Text, ""),
            need("url", Text, "http, on loopback"),
            need("token", Text, "for the signature"),
            need("aesKey", Text, "43 letters and digits"),
            may("corpId", Text, "as the old registration, for this organization"),
            may("tags", Texts, "events to be told of; of a third-party app's the address book's"),
            may("syncHttp", Flag, "in the SyncHTTP form"),
            may("unchecked", Flag, "without asking the URL first"),
        ],
        r#"{"clientId":"dingexample","url":"http://127.0.0.1:9/","token":"tokenExample1",
            "aesKey":"abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG","unchecked":true}"#,
    ),
    delete("/callbacks/{clientId}", "Ends a callback.", callbacks::delete_callback)
        .query(&[may("corpId", Text, "the old registration's, for this organization")]),
    post("/events", "Raises an event by hand, with the platform's fields.", callbacks::trigger)
        .takes(
            &[
                need("clientId", Text, "the app whose callbacks are told"),
                need("eventType", Text, "EventType, or syncAction"),
                may("corpId", Text, "where it happens; the sandbox's organization if not given"),
                may("userIds", Texts, "whom it is about"),
                may("deptIds", Wholes, ""),
                may("roleIds", Wholes, ""),
                may("fields", Object, "more fields, or others than the usual ones"),
            ],
            r#"{"clientId":"dingdemo5ab0c5quick","eventType":"user_add_org","userIds":["manager01"]}"#,
        )
        .creates(),
    get("/deliveries", "Attempts to push, oldest first, and what waits.", callbacks::deliveries)
        .query(&[
            CLIENT,
            may("eventType", Text, ""),
            may("push", Whole, "only attempts at this one"),
            may("limit", Whole, "how many of the newest; 1000 if not given"),
        ]),
    get("/deliveries/wait", "Waits until so many were taken.", callbacks::wait_deliveries).query(&[
        CLIENT,
        may("eventType", Text, ""),
        may("push", Whole, ""),
        may("times", Whole, "how many; 1 if not given"),
        TIMEOUT,
    ]),
    get("/deliveries/{push}", "One push: its message in clear and its attempts.", callbacks::delivery),
    post("/deliveries/{push}/resend", "Pushes it once more.", callbacks::resend),
    get("/permissions", "The catalogue of permission points, and each app's standing.", grants::points),
    get("/tokens", "The tokens that are alive, by fingerprint.", grants::tokens)
        .query(&[CLIENT, may("userId", Text, "only those that speak for this person")]),
];
