//! Answers whose HTTP is right and whose body is not.

use super::retype::{Becomes, Retype, Which, WrongType, retyped};
use super::{Action, Fault};

/// What becomes of an answer's body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Spoil {
    Retype(Retype),
    /// It ends behind so many bytes.
    Cut(usize),
    NotUtf8,
    /// Each member of the outermost object is there twice.
    Doubled,
    /// So many lists in one another, in front of the others.
    Deep(usize),
    /// A text so long, in front of the others.
    Padded(usize),
}

impl Fault {
    /// Does the work and puts this text in the place of one member of the answer, named by a JSON pointer as in
    /// `/expireIn`: a number that is out of range, a word that nobody knows, an expiry in the past. The text goes out as
    /// it is, JSON or not; an answer without the member stays as it is.
    ///
    /// ```
    /// use dingtalk_sandbox::{Fault, Sandbox};
    ///
    /// let sandbox = Sandbox::in_process();
    /// let _ = sandbox.fault(Fault::on("GET /gettoken").set_member("/errcode", "-1"));
    /// let answer = sandbox.handle(http::Request::get("/gettoken").body(Vec::new()).unwrap());
    /// assert!(answer.body().starts_with(br#"{"errcode":-1,"#));
    /// ```
    #[must_use]
    pub fn set_member(self, pointer: impl Into<String>, json: impl Into<String>) -> Self {
        self.retype(Which::Member(pointer.into()), Becomes::Json(json.into()))
    }

    /// Does the work and sends `null` for every text, number and flag of the answer, however deep.
    #[must_use]
    pub fn all_null(self) -> Self {
        self.retype(Which::Leaves, Becomes::Type(WrongType::Null))
    }

    /// Does the work and sends only the first `len` bytes of the body, as if they were all: the HTTP is whole, the JSON
    /// is not. For a connection that ends too early see [`truncate_body`](Self::truncate_body).
    #[must_use]
    pub fn cut_body(self, len: usize) -> Self {
        self.spoil(Spoil::Cut(len))
    }

    /// Does the work and puts a byte into the first text of the body that makes it no UTF-8.
    #[must_use]
    pub fn invalid_utf8(self) -> Self {
        self.spoil(Spoil::NotUtf8)
    }

    /// Does the work and sends each member of the outermost object twice.
    #[must_use]
    pub fn duplicate_keys(self) -> Self {
        self.spoil(Spoil::Doubled)
    }

    /// Does the work and puts a member in front that is `depth` lists in one another.
    #[must_use]
    pub fn nested(self, depth: usize) -> Self {
        self.spoil(Spoil::Deep(depth))
    }

    /// Does the work and puts a member in front whose text is `len` bytes long.
    #[must_use]
    pub fn padded(self, len: usize) -> Self {
        self.spoil(Spoil::Padded(len))
    }

    fn spoil(self, spoil: Spoil) -> Self {
        self.with(Action::Spoil(spoil))
    }
}

/// The body after that; one that offers nothing to spoil stays as it is.
pub(crate) fn spoiled(mut body: Vec<u8>, spoil: &Spoil) -> Vec<u8> {
    match spoil {
        Spoil::Retype(retype) => retyped(body, retype),
        Spoil::Cut(len) => {
            body.truncate(*len);
            body
        }
        Spoil::NotUtf8 => {
            let text = body.windows(2).position(|pair| pair == b":\"").map(|at| at + 2);
            body.insert(text.unwrap_or(body.len()), 0xff);
            body
        }
        Spoil::Doubled => {
            let Some(members) = members(&body).map(<[u8]>::to_vec) else {
                return body;
            };
            [b"{", &members[..], b",", &members, b"}"].concat()
        }
        Spoil::Deep(depth) => {
            in_front(body, b"\"deep\":", &[b'['].repeat(*depth), &[b']'].repeat(*depth))
        }
        Spoil::Padded(len) => in_front(body, b"\"padding\":\"", &[b'x'].repeat(*len), b"\""),
    }
}

/// What stands between the braces of an object that is not empty.
fn members(body: &[u8]) -> Option<&[u8]> {
    body.strip_prefix(b"{")?.strip_suffix(b"}").filter(|members| !members.is_empty())
}

fn in_front(body: Vec<u8>, name: &[u8], begin: &[u8], end: &[u8]) -> Vec<u8> {
    match members(&body) {
        Some(members) => [b"{", name, begin, end, b",", members, b"}"].concat(),
        None => body,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{"errcode":0,"errmsg":"ok"}"#;

    fn after(spoil: &Spoil, body: &str) -> Vec<u8> {
        spoiled(body.as_bytes().to_vec(), spoil)
    }

    #[test]
    fn each_kind_spoils_what_it_says_and_nothing_else() {
        for (spoil, wanted) in [
            (Spoil::Cut(9), &br#"{"errcode"#[..]),
            (Spoil::Cut(999), BODY.as_bytes()),
            (Spoil::NotUtf8, b"{\"errcode\":0,\"errmsg\":\"\xffok\"}"),
            (Spoil::Doubled, br#"{"errcode":0,"errmsg":"ok","errcode":0,"errmsg":"ok"}"#),
            (Spoil::Deep(3), br#"{"deep":[[[]]],"errcode":0,"errmsg":"ok"}"#),
            (Spoil::Padded(4), br#"{"padding":"xxxx","errcode":0,"errmsg":"ok"}"#),
        ] {
            assert_eq!(after(&spoil, BODY), wanted, "{spoil:?}");
        }
        assert!(String::from_utf8(after(&Spoil::NotUtf8, BODY)).is_err());
    }

    #[test]
    fn a_body_that_is_no_object_keeps_its_shape() {
        for spoil in [Spoil::Doubled, Spoil::Deep(2), Spoil::Padded(2)] {
            for body in ["", "{}", "<html>"] {
                assert_eq!(after(&spoil, body), body.as_bytes(), "{spoil:?} {body:?}");
            }
        }
    }
}
