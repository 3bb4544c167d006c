//! English twins of the Chinese message texts. The platform has both and nobody knows what decides between them
//! (wire-facts §1.6, §16 row 9); here a switch does. Only texts that are also known in English from captures are
//! quoted; the others are our own words.

use std::borrow::Cow;

/// The English twin of a text, or the text itself when it has none.
pub(crate) fn in_english(text: Cow<'static, str>) -> Cow<'static, str> {
    for (chinese, english) in TWINS {
        if text == *chinese {
            return Cow::Borrowed(english);
        }
    }
    text
}

const TWINS: [(&str, &str); 25] = [
    // Both seen in captures.
    ("不合法的access_token", "Invalid access_token"),
    ("不存在的临时授权码", "nonexistent temp auth code"),
    // Our words.
    ("缺少参数：x-acs-dingtalk-access-token", "Missing parameter: x-acs-dingtalk-access-token"),
    ("无效的clientId或者clientSecret", "Invalid clientId or clientSecret"),
    ("clientId或者clientSecret错误", "Wrong clientId or clientSecret"),
    ("不合法的临时授权码", "Invalid temporary authorization code"),
    ("不合法的appKey或appSecret", "Invalid appKey or appSecret"),
    ("不合法的corpId或corpSecret", "Invalid corpId or corpSecret"),
    ("找不到该用户", "User not found"),
    ("无效的USERID", "Invalid USERID"),
    ("无效的参数", "Invalid parameter"),
    ("部门不存在", "Department does not exist"),
    ("请求的员工userid不在授权范围内", "The userid is outside the authorized scope"),
    ("请求的部门id不在授权范围内", "The department id is outside the authorized scope"),
    ("系统繁忙", "System busy"),
    ("请求太频繁", "Too many requests"),
    ("请求的URI地址不存在", "The requested URI does not exist"),
    ("需要GET请求", "GET required"),
    ("需要POST请求", "POST required"),
    ("本月接口调用次数已达上限", "The monthly number of calls is used up"),
    ("访问ip不在白名单之中", "The calling IP is not on the allow list"),
    ("未知错误", "Unknown error"),
    ("无效的授权码", "Invalid authorization code"),
    ("无效的token", "Invalid token"),
    ("应用已停用", "The app is stopped"),
];
