//! Who the app is and who the person is: tokens, codes, consent, scopes.

mod get_access_token;
mod get_auth_rules;
mod get_corp_access_token;
mod get_corp_token;
mod get_corp_token_signed;
mod get_scopes;
mod get_sso_token;
mod get_sso_user;
mod get_suite_access_token;
mod get_token_legacy;
mod get_user_token;
pub(crate) mod token;

pub use get_access_token::GetAccessToken;
pub use get_auth_rules::{AuthRule, AuthRules, GetAuthRules};
pub use get_corp_access_token::GetCorpAccessToken;
pub use get_corp_token::GetCorpToken;
pub use get_corp_token_signed::{GetCorpTokenSigned, service_signature};
pub use get_scopes::{AuthOrgScopes, AuthScopes, GetScopes};
pub use get_sso_token::GetSsoToken;
pub use get_sso_user::{GetSsoUser, SsoUser};
pub use get_suite_access_token::GetSuiteAccessToken;
pub use get_token_legacy::GetTokenLegacy;
pub use get_user_token::{GetUserToken, UserAccessToken};
pub use token::AccessToken;

mod obtain_token;
mod sessions;
mod take_suite_ticket;
pub use obtain_token::{HeldToken, ObtainToken};
pub use sessions::{ForgetSession, KeepSession, ListSessions, SessionNames};
pub use take_suite_ticket::TakeSuiteTicket;
mod authorize;
mod callback;
mod code;
mod open_auth;
mod open_auth_error;
mod open_auth_result;
mod points;

pub use authorize::{AuthorizeUrl, State};
pub use callback::{CallbackError, parse_callback};
pub use code::AuthCode;
pub use open_auth::OpenAuthRequest;
pub use open_auth_error::OpenAuthError;
pub use open_auth_result::OpenAuthResult;
pub use points::{AppPoints, OpenAuthRefusal, PointForm, PointKind, Subject};
