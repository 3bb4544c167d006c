//! How does an async program receive suite tickets and events? As one route of its server; here it
//! is axum's. The sandbox registers the callback, pushes, and judges the answers.
//!
//! Your own program asks for the feature `callback` of its client.
//!
//! `cargo run --example callback_axum`

use std::error::Error;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant, SystemTime};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::post;
use dingtalk_async::Client;
use dingtalk_async::core::auth::TakeSuiteTicket;
use dingtalk_async::core::callback::{Owner, Receiver, Refusal};
use dingtalk_async::core::contact::GetUser;
use dingtalk_async::core::event::{Event, EventKind};
use dingtalk_async::core::{Region, Suite, Timestamp};
use dingtalk_examples::random;
use dingtalk_sandbox::{Person, Sandbox, Subscription};

/// From the developer console's page of the subscription. A real program reads them from where it
/// keeps its secrets.
const TOKEN: &str = "exampleToken1";
const AES_KEY: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";

/// What a push needs.
struct Program {
    receiver: Receiver,
    client: Client<Suite>,
    heard: mpsc::Sender<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let sandbox = Sandbox::start()?;
    let demo = sandbox.demo();
    let suite = Suite::builder(&*demo.suite_key, &*demo.suite_secret)
        .region(Region::custom(&sandbox.origin())?)
        .build();
    let owner = Owner::Suite(suite.suite_key().clone());
    let (heard, news) = mpsc::channel();
    let program = Program {
        receiver: Receiver::new(TOKEN, AES_KEY, owner)?,
        client: Client::new(suite.clone())?,
        heard,
    };

    let app = axum::Router::new()
        .route("/dingtalk/callback", post(callback))
        .with_state(Arc::new(program));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/dingtalk/callback", listener.local_addr()?);
    println!("listening at {url}");
    tokio::spawn(async move { axum::serve(listener, app).await });

    // In the developer console; the platform asks the URL, then pushes the ticket. The sandbox
    // waits for answers, and must not wait on the thread that gives them.
    let developer = tokio::task::spawn_blocking(move || {
        let callback = Subscription::url(url, TOKEN, AES_KEY).tags(&["user_add_org"]);
        sandbox.subscribe(&sandbox.demo().suite_key, callback)?;
        sandbox.add_person(Person::new("u-new", "新人"));
        for _ in 0..3 {
            println!("  {}", news.recv_timeout(Duration::from_secs(60))?);
        }
        Ok::<_, Box<dyn Error + Send + Sync>>(sandbox)
    });
    let _sandbox = developer.await?.map_err(|error| error.to_string())?;
    let user = Client::new(suite.corp(&*demo.corp_id))?.call(GetUser::new(&*demo.user_id)).await?;
    println!("with the ticket, the organization lets us see {}", user.userid);
    Ok(())
}

async fn callback(State(program): State<Arc<Program>>, request: Request) -> Response {
    let answer = program.answer(request).await;
    let response = answer.unwrap_or_else(|refusal| {
        println!("  refused: {refusal}");
        refusal.response()
    });
    response.map(Body::from)
}

impl Program {
    /// Acts first, acknowledges then.
    async fn answer(&self, request: Request) -> Result<http::Response<Vec<u8>>, Refusal> {
        const PATIENCE: Duration = Duration::from_secs(2);
        let limit = self.receiver.admit(&request)?;
        let (parts, body) = request.into_parts();
        let body = match tokio::time::timeout(PATIENCE, to_bytes(body, limit)).await {
            Ok(body) => body.map_err(|_| Refusal::TooLarge { limit })?,
            // Too slow: judged without what is missing, and refused.
            Err(_) => Bytes::new(),
        };
        let now = Timestamp::at(SystemTime::now(), Instant::now());
        let received = self.receiver.receive(&http::Request::from_parts(parts, body), now)?;
        for event in received.events() {
            if let Err(error) = self.act(event).await {
                println!("  {} failed, it comes again: {error}", event.name);
                return Ok(received.later());
            }
        }
        match random() {
            Ok(entropy) => Ok(received.acknowledge(entropy)),
            Err(_) => Ok(received.later()),
        }
    }

    async fn act(&self, event: &Event) -> Result<(), Box<dyn Error + Send + Sync>> {
        if let Some(ticket) = TakeSuiteTicket::from_event(event) {
            self.client.call(ticket).await?;
        }
        let what = match &event.kind {
            kind if kind.is_check() => "the platform asked whether we are here".to_owned(),
            EventKind::SuiteTicket(_) => "a suite ticket".to_owned(),
            EventKind::UserAddOrg(change) => format!("{:?} joined", change.user_ids),
            _ => event.name.clone(),
        };
        Ok(self.heard.send(what)?)
    }
}
