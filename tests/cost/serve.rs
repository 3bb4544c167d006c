//! A DingTalk that does next to nothing: bare hyper on one thread, with canned answers.

use std::cell::RefCell;
use std::collections::HashMap;
use std::convert::Infallible;
use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::header::{CONTENT_TYPE, SERVER};
use http::{HeaderValue, Response};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

use crate::exchange::{Outcome, TOKEN};

/// As long as the platform takes, more or less: time enough for a herd to gather.
const TOKEN_TAKES: Duration = Duration::from_millis(100);

static TOKENS_ASKED_FOR: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// Lists that were asked for, by their size.
    static LISTS: RefCell<HashMap<usize, Bytes>> = RefCell::default();
}

const PERSON: &str = r#"{"active":true,"admin":false,"avatar":"https://static-legacy.dingtalk.com/media/lADPDfYH2SxAmhQNAQDNAQA_256_256.jpg","boss":false,"dept_id_list":[1,537826251,537826252],"dept_order_list":[{"dept_id":1,"order":176332448111000201},{"dept_id":537826251,"order":176332448111000202},{"dept_id":537826252,"order":176332448111000203}],"email":"linxia@example.com","exclusive_account":false,"extension":"{\"team\":\"platform\",\"desk\":\"4F-17\"}","hide_mobile":false,"hired_date":1597573616828,"job_number":"004711","leader_in_dept":[{"dept_id":1,"leader":false},{"dept_id":537826251,"leader":true},{"dept_id":537826252,"leader":false}],"manager_userid":"manager0001","mobile":"13900000427","name":"林夏","org_email":"linxia@corp.example.com","real_authed":true,"remark":"on site on Mondays","role_list":[{"group_name":"默认","id":1507113578,"name":"主管理员"},{"group_name":"职务","id":1507113579,"name":"负责人"}],"senior":false,"state_code":"86","telephone":"010-86123456-2345","title":"技术总监","union_emp_ext":{},"unionid":"Qm7ZpXk2iiTgR9sVbLhUaGQiEiE","userid":"manager4711","work_place":"未来park"}"#;

/// What the `/v1.0` family says of a person, for clients that have no other call.
const CONTACT: &str = r#"{"nick":"林夏","avatarUrl":"https://static-legacy.dingtalk.com/media/lADPDfYH2SxAmhQNAQDNAQA_256_256.jpg","mobile":"13900000427","openId":"Zp3tGf7RiiKQ2sVbLhUaGQiEiE","unionId":"Qm7ZpXk2iiTgR9sVbLhUaGQiEiE","email":"linxia@example.com","stateCode":"86"}"#;

/// Prints its origin and serves until its standard input ends. `GET /tokens` tells how many tokens
/// were asked for.
pub(crate) fn forever() -> Outcome {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("http://{}", listener.local_addr()?);
        let person: Bytes = envelope(PERSON).into();
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let person = person.clone();
            tokio::spawn(async move {
                let service = service_fn(|request| {
                    let person = person.clone();
                    async { Ok::<_, Infallible>(answer(request, person).await) }
                });
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    })
}

async fn answer(request: Request<Incoming>, person: Bytes) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    // A server reads what it is sent.
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let body = match head.uri.path() {
        "/topapi/v2/user/get" => person,
        "/topapi/v2/user/list" => list(&body),
        "/gettoken" => {
            token_asked_for().await;
            format!(r#"{{"errcode":0,"access_token":"{TOKEN}","errmsg":"ok","expires_in":7200}}"#)
                .into()
        }
        "/v1.0/oauth2/accessToken" => {
            token_asked_for().await;
            format!(r#"{{"expireIn":7200,"accessToken":"{TOKEN}"}}"#).into()
        }
        "/tokens" => TOKENS_ASKED_FOR.load(Ordering::Relaxed).to_string().into(),
        path if path.starts_with("/v1.0/contact/users/") => Bytes::from_static(CONTACT.as_bytes()),
        _ => Bytes::from_static(br#"{"errcode":22,"errmsg":"no such path"}"#),
    };
    let mut response = Response::new(Full::new(body));
    let headers = response.headers_mut();
    headers.insert(SERVER, HeaderValue::from_static("DingTalk/1.0.0"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json;charset=UTF-8"));
    response
}

async fn token_asked_for() {
    TOKENS_ASKED_FOR.fetch_add(1, Ordering::Relaxed);
    tokio::time::sleep(TOKEN_TAKES).await;
}

/// As many people as the request says, more than the platform would give.
fn list(request: &[u8]) -> Bytes {
    let request: serde_json::Value = serde_json::from_slice(request).unwrap_or_default();
    let size = request["size"].as_u64().unwrap_or_default() as usize;
    let make = || {
        let people = vec![PERSON; size].join(",");
        envelope(&format!(r#"{{"has_more":false,"list":[{people}]}}"#)).into()
    };
    LISTS.with_borrow_mut(|lists| lists.entry(size).or_insert_with(make).clone())
}

fn envelope(result: &str) -> String {
    format!(r#"{{"errcode":0,"errmsg":"ok","result":{result},"request_id":"16l4ew3d47pdp"}}"#)
}
