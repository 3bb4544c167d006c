//! All switches as one document. A member that is left out stays as it is; a limit of `null` is off.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

use crate::switches::{Callback, JsapiHash, Language, RefreshMode, Switch, Switches, UnknownUser};

/// See [`Switch`] for what each one means.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SwitchesDoc {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    strict_post: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    printed_form: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refresh: Option<RefreshDoc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unknown_user: Option<UnknownUserDoc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    callback: Option<CallbackDoc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    language: Option<LanguageDoc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unauthorized_client_status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    avatar_absent: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jsapi_hash: Option<JsapiHashDoc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    corp_token_invalidates: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    app_rate_limit: Option<Option<u64>>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    api_rate_limit: Option<Option<u64>>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    address_limit: Option<Option<u64>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ban_page_is_html: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    monthly_quota: Option<Option<u64>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    detail_url_required: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    app_minute_limit: Option<Option<u64>>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    suite_rate_limit: Option<Option<u64>>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    suite_minute_limit: Option<Option<u64>>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    retry_after: Option<Option<u64>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    oauth_code_life_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    corp_id_token_renews: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token_in_json_body: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    consent_record_unwritable: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stopped_app_works: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    strict_hosts: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    regions_apart: Option<bool>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum RefreshDoc {
    Rotate,
    SamePair,
    GraceMs(u64),
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum UnknownUserDoc {
    #[serde(rename = "60121")]
    Code60121,
    #[serde(rename = "33012")]
    Code33012,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum CallbackDoc {
    Both,
    AuthCodeOnly,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum LanguageDoc {
    Chinese,
    English,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum JsapiHashDoc {
    Either,
    Sha256Only,
    Sha1Only,
}

impl SwitchesDoc {
    pub(crate) fn of(switches: &Switches) -> Self {
        Self {
            strict_post: Some(switches.strict_post),
            printed_form: Some(switches.printed_form),
            refresh: Some(match switches.refresh {
                RefreshMode::Rotate => RefreshDoc::Rotate,
                RefreshMode::SamePair => RefreshDoc::SamePair,
                RefreshMode::Grace(time) => {
                    RefreshDoc::GraceMs(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
                }
            }),
            unknown_user: Some(match switches.unknown_user {
                UnknownUser::Code60121 => UnknownUserDoc::Code60121,
                UnknownUser::Code33012 => UnknownUserDoc::Code33012,
            }),
            callback: Some(match switches.callback {
                Callback::Both => CallbackDoc::Both,
                Callback::AuthCodeOnly => CallbackDoc::AuthCodeOnly,
            }),
            language: Some(match switches.language {
                Language::Chinese => LanguageDoc::Chinese,
                Language::English => LanguageDoc::English,
            }),
            unauthorized_client_status: Some(switches.unauthorized_client),
            avatar_absent: Some(switches.avatar_absent),
            jsapi_hash: Some(match switches.jsapi_hash {
                JsapiHash::Either => JsapiHashDoc::Either,
                JsapiHash::Sha256Only => JsapiHashDoc::Sha256Only,
                JsapiHash::Sha1Only => JsapiHashDoc::Sha1Only,
            }),
            corp_token_invalidates: Some(switches.corp_token_invalidates),
            app_rate_limit: Some(switches.app_rate),
            api_rate_limit: Some(switches.api_rate),
            address_limit: Some(switches.address_limit),
            ban_page_is_html: Some(switches.ban_page_is_html),
            monthly_quota: Some(switches.monthly_quota),
            detail_url_required: Some(switches.detail_url_required),
            app_minute_limit: Some(switches.app_minute),
            suite_rate_limit: Some(switches.suite_rate),
            suite_minute_limit: Some(switches.suite_minute),
            retry_after: Some(switches.retry_after),
            oauth_code_life_ms: Some(
                u64::try_from(switches.oauth_code_life.as_millis()).unwrap_or(u64::MAX),
            ),
            corp_id_token_renews: Some(switches.corp_id_token_renews),
            token_in_json_body: Some(switches.token_in_json),
            consent_record_unwritable: Some(switches.consent_unwritable),
            stopped_app_works: Some(switches.stopped_app_works),
            strict_hosts: Some(switches.strict_hosts),
            regions_apart: Some(switches.regions_apart),
        }
    }

    /// What is wrong with it.
    pub(crate) fn mistake(&self) -> Option<String> {
        match self.unauthorized_client_status {
            Some(status) if status != 400 && status != 401 => {
                Some(format!("unauthorizedClientStatus is 400 or 401, not {status}"))
            }
            _ => None,
        }
    }

    /// What is to be set.
    pub(crate) fn switches(&self) -> Vec<Switch> {
        let mut set = Vec::new();
        set.extend(self.strict_post.map(Switch::StrictPost));
        set.extend(self.printed_form.map(Switch::PrintedForm));
        set.extend(self.refresh.map(|mode| {
            Switch::Refresh(match mode {
                RefreshDoc::Rotate => RefreshMode::Rotate,
                RefreshDoc::SamePair => RefreshMode::SamePair,
                RefreshDoc::GraceMs(ms) => RefreshMode::Grace(Duration::from_millis(ms)),
            })
        }));
        set.extend(self.unknown_user.map(|value| {
            Switch::UnknownUser(match value {
                UnknownUserDoc::Code60121 => UnknownUser::Code60121,
                UnknownUserDoc::Code33012 => UnknownUser::Code33012,
            })
        }));
        set.extend(self.callback.map(|value| {
            Switch::Callback(match value {
                CallbackDoc::Both => Callback::Both,
                CallbackDoc::AuthCodeOnly => Callback::AuthCodeOnly,
            })
        }));
        set.extend(self.language.map(|value| {
            Switch::Language(match value {
                LanguageDoc::Chinese => Language::Chinese,
                LanguageDoc::English => Language::English,
            })
        }));
        set.extend(self.unauthorized_client_status.map(Switch::UnauthorizedClientStatus));
        set.extend(self.avatar_absent.map(Switch::AvatarAbsent));
        set.extend(self.jsapi_hash.map(|value| {
            Switch::JsapiHash(match value {
                JsapiHashDoc::Either => JsapiHash::Either,
                JsapiHashDoc::Sha256Only => JsapiHash::Sha256Only,
                JsapiHashDoc::Sha1Only => JsapiHash::Sha1Only,
            })
        }));
        set.extend(self.corp_token_invalidates.map(Switch::CorpTokenInvalidates));
        set.extend(self.app_rate_limit.map(Switch::AppRateLimit));
        set.extend(self.api_rate_limit.map(Switch::ApiRateLimit));
        set.extend(self.address_limit.map(Switch::AddressLimit));
        set.extend(self.ban_page_is_html.map(Switch::BanPageIsHtml));
        set.extend(self.monthly_quota.map(Switch::MonthlyQuota));
        set.extend(self.detail_url_required.map(Switch::DetailUrlRequired));
        set.extend(self.app_minute_limit.map(Switch::AppMinuteLimit));
        set.extend(self.suite_rate_limit.map(Switch::SuiteRateLimit));
        set.extend(self.suite_minute_limit.map(Switch::SuiteMinuteLimit));
        set.extend(self.retry_after.map(Switch::RetryAfter));
        let life = self.oauth_code_life_ms.map(Duration::from_millis);
        set.extend(life.map(Switch::OauthCodeLife));
        set.extend(self.corp_id_token_renews.map(Switch::CorpIdTokenRenews));
        set.extend(self.token_in_json_body.map(Switch::TokenInJsonBody));
        set.extend(self.consent_record_unwritable.map(Switch::ConsentRecordUnwritable));
        set.extend(self.stopped_app_works.map(Switch::StoppedAppWorks));
        set.extend(self.strict_hosts.map(Switch::StrictHosts));
        set.extend(self.regions_apart.map(Switch::RegionsApart));
        set
    }
}

/// Tells `null` from absent.
fn given<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<u64>>, D::Error> {
    Option::deserialize(from).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::switches::TABLE;

    #[test]
    fn switches_survive_the_way_through_a_document() {
        let mut switches = Switches::default();
        for switch in [
            Switch::Refresh(RefreshMode::Grace(Duration::from_secs(3))),
            Switch::JsapiHash(JsapiHash::Sha1Only),
            Switch::MonthlyQuota(Some(9)),
            Switch::DetailUrlRequired(false),
        ] {
            switches.set(&switch);
        }
        let text = serde_json::to_string(&SwitchesDoc::of(&switches)).unwrap();
        let read: SwitchesDoc = serde_json::from_str(&text).unwrap();
        let mut again = Switches::default();
        read.switches().iter().for_each(|switch| again.set(switch));
        assert_eq!(format!("{switches:?}"), format!("{again:?}"));
        assert_eq!(read.switches().len(), TABLE.len());
    }

    #[test]
    fn the_table_names_every_switch_with_its_default() {
        let defaults = serde_json::to_value(SwitchesDoc::of(&Switches::default())).unwrap();
        let defaults = defaults.as_object().unwrap();
        for about in TABLE {
            let default: serde_json::Value = serde_json::from_str(about.default).unwrap();
            assert_eq!(defaults.get(about.name), Some(&default), "{}", about.name);
        }
        assert_eq!(defaults.len(), TABLE.len());
    }
}
