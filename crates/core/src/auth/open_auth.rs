//! The consent component of the client, openAuth (wire-facts §8).

use serde_json::{Value, json};

use super::open_auth_error::OpenAuthError;
use super::points::Subject;
use crate::{ClientId, CorpId, Error};

/// What a page passes to `openAuth`.
///
/// ```
/// use dingtalk_core::auth::OpenAuthRequest;
///
/// let request = OpenAuthRequest::delegated("dingk3v9q2m7x8p1w4zt", "dingexamplecorp")
///     .rpc_point("Contact.User.Read")
///     .field_point("Contact.User.mobile");
/// let options = request.options()?; // as JSON, into the page: openAuth(options)
/// assert_eq!(options["rpcScope"], "Contact.User.Read");
/// # Ok::<(), dingtalk_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct OpenAuthRequest {
    client_id: ClientId,
    corp_id: CorpId,
    rpc_scope: Vec<String>,
    field_scope: Vec<String>,
    subject: Subject,
}

impl OpenAuthRequest {
    /// Asks the person to let the app act in the person's name (type 0).
    pub fn delegated(client_id: impl Into<ClientId>, corp_id: impl Into<CorpId>) -> Self {
        Self::new(Subject::Delegated, client_id, corp_id)
    }

    /// Asks the organization to let the app act in its own name (type 1).
    pub fn application(client_id: impl Into<ClientId>, corp_id: impl Into<CorpId>) -> Self {
        Self::new(Subject::Application, client_id, corp_id)
    }

    /// Asks in either name.
    pub fn new(
        subject: Subject,
        client_id: impl Into<ClientId>,
        corp_id: impl Into<CorpId>,
    ) -> Self {
        Self {
            client_id: client_id.into(),
            corp_id: corp_id.into(),
            rpc_scope: Vec::new(),
            field_scope: Vec::new(),
            subject,
        }
    }

    /// Adds a permission point that opens an interface; `.default` stands for every application
    /// point that the app has.
    pub fn rpc_point(mut self, code: impl Into<String>) -> Self {
        self.rpc_scope.push(code.into());
        self
    }

    /// Adds a permission point that opens a field.
    pub fn field_point(mut self, code: impl Into<String>) -> Self {
        self.field_scope.push(code.into());
        self
    }

    /// The app.
    pub fn client_id(&self) -> &ClientId {
        &self.client_id
    }

    /// The organization.
    pub fn corp_id(&self) -> &CorpId {
        &self.corp_id
    }

    /// Points that open interfaces.
    pub fn rpc_scope(&self) -> &[String] {
        &self.rpc_scope
    }

    /// Points that open fields.
    pub fn field_scope(&self) -> &[String] {
        &self.field_scope
    }

    /// In whose name.
    pub fn subject(&self) -> Subject {
        self.subject
    }

    /// Judges the request as the component does before it opens the page: it asks for a client id
    /// and, for type 1 alone, an organization.
    /// [`AppPoints::check`](super::AppPoints::check) judges it as the page does after that.
    ///
    /// # Errors
    /// With the number that the page would show. The component itself throws without one.
    pub fn validate(&self) -> Result<(), OpenAuthError> {
        let no_points = self.rpc_scope.is_empty() && self.field_scope.is_empty();
        match (self.client_id.is_empty(), self.corp_id.is_empty()) {
            (true, true) if no_points => Err(OpenAuthError::EmptyRequest),
            (true, _) => Err(OpenAuthError::ClientIdMissing),
            (_, true) if self.subject == Subject::Application => Err(OpenAuthError::CorpIdMissing),
            _ => Ok(()),
        }
    }

    /// The component's options: `clientId`, `corpId`, `rpcScope`, `fieldScope` and `type`.
    ///
    /// # Errors
    /// When the component or the documentation calls for more than is there, or when a value would
    /// break out of the query that the component builds: it encodes nothing, so that `&`, `=`,
    /// `#`, `%`, `+`, a comma, white space or a control character would make another request of it.
    pub fn options(&self) -> Result<Value, Error> {
        let Parts { rpc_scope, field_scope } = self.checked()?;
        Ok(json!({
            "clientId": self.client_id,
            "corpId": self.corp_id,
            "rpcScope": rpc_scope,
            "fieldScope": field_scope,
            "type": self.subject.number(),
        }))
    }

    /// The query with which the component opens its page, letter for letter.
    ///
    /// ```
    /// use dingtalk_core::auth::OpenAuthRequest;
    ///
    /// let request = OpenAuthRequest::delegated("app", "corp").rpc_point("Todo.Todo.Write");
    /// assert_eq!(
    ///     request.query()?,
    ///     "type=0&clientId=app&corpId=corp&rpcScope=Todo.Todo.Write&fieldScope="
    /// );
    /// # Ok::<(), dingtalk_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// As for [`options`](Self::options).
    pub fn query(&self) -> Result<String, Error> {
        let Parts { rpc_scope, field_scope } = self.checked()?;
        Ok(format!(
            "type={}&clientId={}&corpId={}&rpcScope={rpc_scope}&fieldScope={field_scope}",
            self.subject.number(),
            self.client_id,
            self.corp_id,
        ))
    }

    fn checked(&self) -> Result<Parts, Error> {
        self.validate().map_err(|error| Error::invalid(format!("{error}; {}", error.remedy())))?;
        if self.corp_id.is_empty() {
            return Err(Error::invalid("openAuth needs a corp id"));
        }
        if self.rpc_scope.is_empty() && self.field_scope.is_empty() {
            return Err(Error::invalid("openAuth needs a permission point in one of its scopes"));
        }
        for (name, value) in
            [("clientId", self.client_id.as_str()), ("corpId", self.corp_id.as_str())]
        {
            stays_within(name, value)?;
        }
        let joined = |name, codes: &[String]| {
            codes.iter().try_for_each(|code| stays_within(name, code)).map(|()| codes.join(","))
        };
        Ok(Parts {
            rpc_scope: joined("rpcScope", &self.rpc_scope)?,
            field_scope: joined("fieldScope", &self.field_scope)?,
        })
    }
}

struct Parts {
    rpc_scope: String,
    field_scope: String,
}

fn stays_within(name: &str, value: &str) -> Result<(), Error> {
    let breaks_out = |c: char| "&=#%+,?".contains(c) || c.is_whitespace() || c.is_control();
    if value.is_empty() {
        return Err(Error::invalid(format!("a value in openAuth's {name} is empty")));
    }
    if value.contains(breaks_out) {
        return Err(Error::invalid(format!(
            "a value in openAuth's {name} holds a character that would change the request: the \
             component encodes nothing (give each permission point by itself)"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request() -> OpenAuthRequest {
        OpenAuthRequest::delegated("dingk3v9q2m7x8p1w4zt", "ding7c1e0f2a9b3d4c5e6f70819203a4b5c6")
            .rpc_point("Contact.User.Read")
            .field_point("Contact.User.mobile")
    }

    #[test]
    fn the_query_is_the_components_own() {
        assert_eq!(
            request().query().unwrap(),
            "type=0&clientId=dingk3v9q2m7x8p1w4zt&corpId=ding7c1e0f2a9b3d4c5e6f70819203a4b5c6\
             &rpcScope=Contact.User.Read&fieldScope=Contact.User.mobile"
        );
        let request = OpenAuthRequest::application("a", "c").rpc_point("x").rpc_point(".default");
        assert_eq!(
            request.query().unwrap(),
            "type=1&clientId=a&corpId=c&rpcScope=x,.default&fieldScope="
        );
    }

    #[test]
    fn the_options_have_exactly_the_documented_names() {
        assert_eq!(
            request().rpc_point("Todo.Todo.Read").options().unwrap(),
            json!({
                "clientId": "dingk3v9q2m7x8p1w4zt",
                "corpId": "ding7c1e0f2a9b3d4c5e6f70819203a4b5c6",
                "rpcScope": "Contact.User.Read,Todo.Todo.Read",
                "fieldScope": "Contact.User.mobile",
                "type": 0,
            })
        );
    }

    #[test]
    fn the_component_asks_for_an_organization_only_when_the_app_is_to_be_granted() {
        use OpenAuthError::{ClientIdMissing, CorpIdMissing, EmptyRequest};
        let check = |subject, client, corp, point: Option<&str>| {
            let request = OpenAuthRequest::new(subject, client, corp);
            point.into_iter().fold(request, OpenAuthRequest::rpc_point).validate()
        };
        assert_eq!(check(Subject::Delegated, "a", "", Some("x")), Ok(()));
        assert_eq!(check(Subject::Application, "a", "", Some("x")), Err(CorpIdMissing));
        assert_eq!(check(Subject::Delegated, "", "c", Some("x")), Err(ClientIdMissing));
        assert_eq!(check(Subject::Delegated, "", "", None), Err(EmptyRequest));
    }

    #[test]
    fn nothing_is_written_for_what_the_documentation_asks_for_and_is_missing() {
        for bad in [
            OpenAuthRequest::delegated("a", "").rpc_point("x"),
            OpenAuthRequest::delegated("", "c").rpc_point("x"),
            OpenAuthRequest::delegated("a", "c"),
            OpenAuthRequest::delegated("a", "c").rpc_point(""),
        ] {
            assert!(bad.query().is_err(), "{bad:?}");
            assert!(bad.options().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn no_value_breaks_out_of_the_query() {
        for bad in
            ["x&type=1", "x=y", "x#", "x y", "x\n", "x\u{0}", "x%26", "x+y", "x,y", "x\u{a0}"]
        {
            for request in [
                OpenAuthRequest::delegated(bad, "c").rpc_point("x"),
                OpenAuthRequest::delegated("a", bad).rpc_point("x"),
                request().rpc_point(bad),
                request().field_point(bad),
            ] {
                assert!(request.query().is_err(), "{bad:?}");
                assert!(request.options().is_err(), "{bad:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_query_that_is_written_reads_back_to_the_same_request(
            client in any::<String>(), corp in any::<String>(), point in any::<String>(),
        ) {
            let request = OpenAuthRequest::application(&*client, &*corp).rpc_point(&point);
            if let Ok(query) = request.query() {
                let read: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
                prop_assert_eq!(read.len(), 5);
                let values = read.iter().map(|(_, value)| value.as_ref());
                prop_assert!(values.eq(["1", &client, &corp, &point, ""]));
            }
        }
    }
}
