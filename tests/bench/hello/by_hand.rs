//! What programs by hand read and write.

use serde::{Deserialize, Serialize};

pub(crate) const TOKEN_URL: &str =
    "https://oapi.dingtalk.com/gettoken?appkey=your_client_id&appsecret=your_client_secret";

pub(crate) fn user_url(token: &str) -> String {
    format!("https://oapi.dingtalk.com/topapi/v2/user/get?access_token={token}")
}

#[derive(Serialize)]
pub(crate) struct Question {
    pub(crate) userid: &'static str,
}

#[derive(Deserialize)]
pub(crate) struct Token {
    pub(crate) access_token: String,
}

#[derive(Deserialize)]
pub(crate) struct Answer {
    pub(crate) result: User,
}

#[derive(Deserialize)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) dept_id_list: Vec<i64>,
}
