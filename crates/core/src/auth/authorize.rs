//! The address at which a person logs in with a browser (wire-facts §4.4).

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{ClientId, CorpId, Error, Region, Secret};

/// The login page's address for one attempt to log in: send the browser there.
///
/// ```
/// use dingtalk_core::Region;
/// use dingtalk_core::auth::{AuthorizeUrl, State};
///
/// # let random = [7; 16];
/// // `random`: 16 bytes from the system's generator; keep the state in the browser's session
/// let state = State::from_entropy(random);
/// let redirect = "https://app.example.com/cb";
/// let url = AuthorizeUrl::new(&Region::china(), "dingk3v9q2m7x8p1w4zt", redirect, &state)?
///     .with_organization()
///     .url();
/// assert!(url.starts_with("https://login.dingtalk.com/oauth2/auth?redirect_uri=https%3A%2F%2Fapp"));
/// assert!(url.contains("&scope=openid%20corpid&"));
/// # Ok::<(), dingtalk_core::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct AuthorizeUrl {
    login: String,
    client_id: ClientId,
    redirect_uri: String,
    state: State,
    organization: bool,
    points: Vec<String>,
    managed_only: bool,
    corp_id: Option<CorpId>,
    exclusive: Option<Option<CorpId>>,
}

impl AuthorizeUrl {
    /// A login that comes back to `redirect_uri`, which must be registered in the console, with
    /// `state` unchanged.
    ///
    /// # Errors
    /// When the client id is empty, or the redirect URI is not an absolute `http` or `https` URL
    /// without user name and fragment.
    pub fn new(
        region: &Region,
        client_id: impl Into<ClientId>,
        redirect_uri: impl Into<String>,
        state: &State,
    ) -> Result<Self, Error> {
        let (client_id, redirect_uri) = (client_id.into(), redirect_uri.into());
        if client_id.is_empty() {
            return Err(Error::invalid("a login needs a client id"));
        }
        check_redirect(&redirect_uri)?;
        Ok(Self {
            login: region.login().to_owned(),
            client_id,
            redirect_uri,
            state: state.clone(),
            organization: false,
            points: Vec::new(),
            managed_only: false,
            corp_id: None,
            exclusive: None,
        })
    }

    /// Has the person choose an organization too (scope `openid corpid`): only then does the user
    /// token tell one.
    pub fn with_organization(mut self) -> Self {
        self.organization = true;
        self
    }

    /// Asks for a permission point of the delegated kind by its code. The platform's pages
    /// disagree on whether more than `openid corpid` is taken.
    pub fn with_point(mut self, code: impl Into<String>) -> Self {
        self.points.push(code.into());
        self
    }

    /// Offers only organizations that the person manages; they must choose one.
    pub fn managed_only(mut self) -> Self {
        self.managed_only = true;
        self.with_organization()
    }

    /// Chooses the organization beforehand; the person must belong to it.
    pub fn in_organization(mut self, corp_id: impl Into<CorpId>) -> Self {
        self.corp_id = Some(corp_id.into());
        self.with_organization()
    }

    /// Has the person log in with an account that an organization owns; with an organization,
    /// at that one's own login page.
    pub fn exclusive(mut self, corp_id: Option<CorpId>) -> Self {
        self.exclusive = Some(corp_id);
        self
    }

    /// The address. It holds the state, so keep it out of logs.
    pub fn url(&self) -> String {
        let mut scope = vec!["openid"];
        scope.extend(self.organization.then_some("corpid"));
        scope.extend(self.points.iter().map(String::as_str));
        let scope = scope.join(" ");
        let mut pairs = vec![
            ("redirect_uri", self.redirect_uri.as_str()),
            ("response_type", "code"),
            ("client_id", self.client_id.as_str()),
            ("scope", &scope),
            ("state", self.state.expose()),
            ("prompt", "consent"),
        ];
        pairs.extend(self.managed_only.then_some(("org_type", "management")));
        pairs.extend(self.corp_id.iter().map(|id| ("corpId", id.as_str())));
        if let Some(corp_id) = &self.exclusive {
            pairs.push(("exclusiveLogin", "true"));
            pairs.extend(corp_id.iter().map(|id| ("exclusiveCorpId", id.as_str())));
        }
        let mut url = format!("{}/oauth2/auth", self.login);
        for (at, (name, value)) in pairs.into_iter().enumerate() {
            url.push(if at == 0 { '?' } else { '&' });
            url.push_str(name);
            url.push('=');
            url.extend(utf8_percent_encode(value, VALUE));
        }
        url
    }
}

/// RFC 3986's unreserved characters stay. A space becomes `%20`, as the platform asks for: a form's
/// `+` is not promised to be understood.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Ties a login to the browser that began it, so that nobody can have another person's browser
/// finish theirs.
///
/// Make one for each attempt, keep it in the browser's session (in a cookie that the page's
/// scripts cannot read, say), and give it to [`parse_callback`](super::parse_callback).
///
/// ```
/// use dingtalk_core::auth::State;
///
/// # let random = [7; 16];
/// let state = State::from_entropy(random);
/// let kept = state.expose().to_owned(); // into the session …
/// let state = State::restore(kept)?; // … and out of it when the browser comes back
/// assert_eq!(format!("{state:?}"), "State(‹secret›)");
/// # Ok::<(), dingtalk_core::Error>(())
/// ```
#[derive(Clone)]
pub struct State(Secret);

impl State {
    /// Writes 16 random bytes as 32 hex digits. core has no source of its own for them.
    pub fn from_entropy(random: [u8; 16]) -> Self {
        Self(Secret::new(crate::jsapi::hex(&random)))
    }

    /// Takes back a state that was kept in a session.
    ///
    /// # Errors
    /// When it has fewer than 16 characters: that was no state of this kind, and could be guessed.
    pub fn restore(text: impl Into<String>) -> Result<Self, Error> {
        let secret = Secret::new(text);
        if secret.expose().len() < 16 {
            return Err(Error::invalid("the session holds no state: begin the login again"));
        }
        Ok(Self(secret))
    }

    /// The state's text, to be kept in the browser's session.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// Compares in constant time.
    pub fn matches(&self, other: &str) -> bool {
        self.0.matches(other)
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("State(‹secret›)")
    }
}

fn check_redirect(redirect_uri: &str) -> Result<(), Error> {
    let invalid = |why: &'static str| Err(Error::invalid(why));
    let Ok(uri) = redirect_uri.parse::<http::Uri>() else {
        return invalid("the redirect URI cannot be parsed");
    };
    match uri.scheme_str() {
        Some("http" | "https") => {}
        _ => return invalid("the redirect URI must be absolute, with https:// or http://"),
    }
    let authority = uri.authority().map(http::uri::Authority::as_str).unwrap_or_default();
    if authority.is_empty() || authority.contains('@') || uri.host().is_none_or(str::is_empty) {
        return invalid("the redirect URI needs a host, and no user name");
    }
    if redirect_uri.contains('#') {
        return invalid("the redirect URI must not have a fragment: it would not come back");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const REDIRECT: &str = "https://app.example.com/cb";

    fn login() -> AuthorizeUrl {
        let state = State::restore("s-81fe-0000-0000").unwrap();
        AuthorizeUrl::new(&Region::china(), "dingk3v9q2m7x8p1w4zt", REDIRECT, &state).unwrap()
    }

    #[test]
    fn the_address_is_the_documented_one() {
        assert_eq!(
            login().with_organization().url(),
            "https://login.dingtalk.com/oauth2/auth\
             ?redirect_uri=https%3A%2F%2Fapp.example.com%2Fcb&response_type=code\
             &client_id=dingk3v9q2m7x8p1w4zt&scope=openid%20corpid&state=s-81fe-0000-0000\
             &prompt=consent"
        );
    }

    #[test]
    fn what_needs_an_organization_asks_for_one() {
        let url = login().managed_only().url();
        assert!(url.contains("scope=openid%20corpid&") && url.ends_with("&org_type=management"));
        let url = login().in_organization("ding&x").url();
        assert!(url.contains("scope=openid%20corpid&") && url.ends_with("&corpId=ding%26x"));
        assert!(login().url().contains("scope=openid&"));
    }

    #[test]
    fn points_and_exclusive_accounts_are_added_on_request() {
        let url = login().with_point("Contact.User.Read").exclusive(Some("c".into())).url();
        assert!(url.contains("scope=openid%20Contact.User.Read&"), "{url}");
        assert!(url.ends_with("&exclusiveLogin=true&exclusiveCorpId=c"), "{url}");
        assert!(login().exclusive(None).url().ends_with("&exclusiveLogin=true"));
    }

    #[test]
    fn the_regions_own_login_page_is_used() {
        let state = State::from_entropy([0xab; 16]);
        let region = Region::custom("http://127.0.0.1:7880").unwrap();
        let url =
            AuthorizeUrl::new(&region, "a", "http://127.0.0.1/cb?x=1&y", &state).unwrap().url();
        assert!(url.starts_with("http://127.0.0.1:7880/oauth2/auth?"), "{url}");
        assert!(url.contains("redirect_uri=http%3A%2F%2F127.0.0.1%2Fcb%3Fx%3D1%26y&"), "{url}");
        assert!(url.contains("&state=abababababababababababababababab&"), "{url}");
    }

    #[test]
    fn a_redirect_uri_must_be_absolute() {
        let state = State::from_entropy([1; 16]);
        let check = |uri: &str| AuthorizeUrl::new(&Region::china(), "a", uri, &state).is_ok();
        for good in [REDIRECT, "http://localhost:3000", "https://a.cn/cb?next=%2F"] {
            assert!(check(good), "{good}");
        }
        for bad in [
            "",
            "/cb",
            "//a.cn/cb",
            "a.cn/cb",
            "app://cb",
            "javascript:alert(1)",
            "https://",
            "https://u@a.cn/",
            "https://:80/",
            "https://a.cn/#x",
            "https://a.cn/ b",
            "https://a.cn/\n",
        ] {
            assert!(!check(bad), "{bad:?}");
        }
        assert!(AuthorizeUrl::new(&Region::china(), "", REDIRECT, &state).is_err());
    }

    #[test]
    fn a_state_hides_itself_and_is_never_short() {
        let state = State::restore("canary-canary-canary").unwrap();
        assert!(!format!("{state:?} {:?}", login().state).contains("canary"));
        assert!(state.matches("canary-canary-canary") && !state.matches("canary"));
        assert!(State::restore("").is_err());
        assert!(State::restore("s-81fe").is_err());
    }
}
