//! The platform's hosts (wire-facts §1.1): which one a request is for, what it serves, and to which region it belongs.

use http::header::HOST;
use http::{HeaderMap, Uri};
use serde::{Deserialize, Serialize};

use crate::Sandbox;
use crate::apps::App;
use crate::platform::Platform;
use crate::wire::Family;

/// An edition of the platform. An organization and its apps live in one of them, and what one edition has given means
/// nothing in the other; see [`Switch::RegionsApart`](crate::Switch::RegionsApart).
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Region {
    /// The hosts under `dingtalk.com`.
    #[default]
    China,
    /// The hosts under `dingtalk.io`.
    International,
}

/// One of the platform's hosts.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Host {
    pub(crate) name: &'static str,
    pub(crate) region: Region,
    serves: Serves,
}

#[derive(Debug, PartialEq, Eq)]
enum Serves {
    /// `/v1.0`; all else is answered by the old router, as seen live (wire-facts §1.6).
    V1,
    /// The old families. Nobody has seen `/v1.0` there; the old router knows no such path.
    Old,
    /// The pages below these paths.
    Pages(&'static [&'static str]),
}

/// Where a request wants to go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Destination<'a> {
    /// Without a host in front.
    pub(crate) path: &'a str,
    /// None where any name or address of this machine was called.
    pub(crate) host: Option<&'static Host>,
    /// The host was really called by its name, and not only named in front of the path.
    pub(crate) by_name: bool,
}

const LOGIN: Serves = Serves::Pages(&["/oauth2/"]);
const COMPONENT: Serves = Serves::Pages(&["/dingding/"]);
/// Hosts of which the sandbox has no page.
const ELSEWHERE: Serves = Serves::Pages(&[]);

static HOSTS: [Host; 12] = [
    china("api.dingtalk.com", Serves::V1),
    china("oapi.dingtalk.com", Serves::Old),
    china("login.dingtalk.com", LOGIN),
    china("n.dingtalk.com", COMPONENT),
    china("account.dingtalk.com", ELSEWHERE),
    china("open-dev.dingtalk.com", ELSEWHERE),
    international("api.dingtalk.io", Serves::V1),
    international("oapi.dingtalk.io", Serves::Old),
    international("login.dingtalk.io", LOGIN),
    international("n.dingtalk.io", COMPONENT),
    international("account.dingtalk.io", ELSEWHERE),
    international("open-dev.dingtalk.io", ELSEWHERE),
];

/// The names of all of them.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    HOSTS.iter().map(|host| host.name)
}

/// Finds the host in front of the path, for clients that can only set one base URL
/// (`http://127.0.0.1:7880/api.dingtalk.com`), or else by the name that was called.
pub(crate) fn destination<'a>(path: &'a str, called: Option<&str>) -> Destination<'a> {
    let in_front = path.strip_prefix('/').and_then(|rest| {
        let (name, _) = rest.split_once('/')?;
        HOSTS.iter().find(|host| host.name == name)
    });
    if let Some(host) = in_front {
        let path = path.get(1 + host.name.len()..).unwrap_or(path);
        return Destination { path, host: Some(host), by_name: false };
    }
    let called = called.map(without_port);
    let host =
        called.and_then(|called| HOSTS.iter().find(|host| host.name.eq_ignore_ascii_case(called)));
    Destination { path, host, by_name: true }
}

/// Whom a request was sent to, with a port if there is one: its absolute URI says so, else its `Host`.
pub(crate) fn called<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    let authority = uri.authority().map(http::uri::Authority::as_str);
    authority.or_else(|| headers.get(HOST).and_then(|host| host.to_str().ok()))
}

impl Host {
    /// Whether a path of this family is answered here, as far as anybody knows.
    pub(crate) fn serves(&self, family: Family, path: &str) -> bool {
        match (&self.serves, family) {
            (Serves::V1, Family::V1) | (Serves::Old, Family::Old | Family::Topapi) => true,
            (Serves::Pages(below), Family::Page) => {
                below.iter().any(|start| path.starts_with(start))
            }
            _ => false,
        }
    }

    /// Who answers a path that is not served here.
    pub(crate) fn stranger(&self) -> Family {
        match self.serves {
            Serves::V1 | Serves::Old => Family::Old,
            Serves::Pages(_) => Family::Page,
        }
    }
}

impl Sandbox {
    /// Moves an organization, with the apps it owns, to a region; false if there is no such organization.
    pub fn set_region(&self, corp_id: &str, region: Region) -> bool {
        self.platform().set_region(corp_id, region)
    }
}

impl Platform {
    pub(crate) fn set_region(&mut self, corp_id: &str, region: Region) -> bool {
        let company = self.companies.get_mut(corp_id);
        company.map(|company| company.region = region).is_some()
    }

    /// Whether the region that is being asked knows this organization; every region does where none is named.
    pub(crate) fn is_here(&self, corp_id: &str) -> bool {
        self.here.is_none_or(|here| {
            self.companies.get(corp_id).is_none_or(|company| company.region == here)
        })
    }

    /// Whether the region that is being asked knows this app: it is where its owner is.
    pub(crate) fn is_owner_here(&self, app: &App) -> bool {
        app.corp_id.as_ref().is_none_or(|corp| self.is_here(corp))
    }
}

const fn china(name: &'static str, serves: Serves) -> Host {
    Host { name, region: Region::China, serves }
}

const fn international(name: &'static str, serves: Serves) -> Host {
    Host { name, region: Region::International, serves }
}

fn without_port(called: &str) -> &str {
    match called.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => called,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(path: &str, called: &str) -> Option<&'static str> {
        destination(path, Some(called)).host.map(|host| host.name)
    }

    #[test]
    fn a_host_is_found_by_its_name_with_and_without_a_port_and_in_front_of_the_path() {
        for called in ["api.dingtalk.io", "API.DingTalk.IO", "api.dingtalk.io:8443"] {
            assert_eq!(host("/v1.0/x", called), Some("api.dingtalk.io"), "{called}");
        }
        let both = destination("/oapi.dingtalk.com/gettoken", Some("api.dingtalk.io"));
        assert_eq!((both.path, both.by_name), ("/gettoken", false));
        assert_eq!(both.host.map(|host| host.name), Some("oapi.dingtalk.com"));
        for called in [
            "127.0.0.1:7880",
            "localhost",
            "[::1]:7880",
            "api.dingtalk.com.evil.example",
            "xapi.dingtalk.com",
            "api.dingtalk.com:x",
            "",
        ] {
            assert_eq!(host("/gettoken", called), None, "{called}");
        }
        for path in ["/api.dingtalk.com", "/api.dingtalk.comx/a", "/x/api.dingtalk.com/a", "//"] {
            assert_eq!(host(path, "x"), None, "{path}");
        }
    }
}
