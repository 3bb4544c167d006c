//! How does a blocking program receive suite tickets and events? Any server will do that hands
//! out a request and takes a response; here it is the standard library's socket and `httparse`.
//! The sandbox registers the callback, pushes, and judges the answers.
//!
//! Your own program asks for the feature `callback` of its client.
//!
//! `cargo run --example callback_blocking`

use std::error::Error;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::{Duration, Instant, SystemTime};

use dingtalk_blocking::Client;
use dingtalk_blocking::core::auth::TakeSuiteTicket;
use dingtalk_blocking::core::callback::{Owner, Receiver, Refusal};
use dingtalk_blocking::core::contact::GetUser;
use dingtalk_blocking::core::event::{Event, EventKind};
use dingtalk_blocking::core::{Region, Suite, Timestamp};
use dingtalk_examples::random;
use dingtalk_sandbox::{Person, Sandbox, Subscription};
use http::{Request, Response};

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

fn main() -> Result<(), Box<dyn Error>> {
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

    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/dingtalk/callback", listener.local_addr()?);
    println!("listening at {url}");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            if let Err(error) = serve(stream, &program) {
                println!("  a connection broke: {error}");
            }
        }
    });

    // In the developer console; the platform asks the URL, then pushes the ticket.
    let callback = Subscription::url(url, TOKEN, AES_KEY).tags(&["user_add_org"]);
    sandbox.subscribe(&demo.suite_key, callback)?;
    sandbox.add_person(Person::new("u-new", "新人"));
    for _ in 0..3 {
        println!("  {}", news.recv_timeout(Duration::from_secs(60))?);
    }
    let user = Client::new(suite.corp(&*demo.corp_id))?.call(GetUser::new(&*demo.user_id))?;
    println!("with the ticket, the organization lets us see {}", user.userid);
    Ok(())
}

impl Program {
    /// Acts first, acknowledges then.
    fn answer(&self, request: &Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Box<dyn Error>> {
        let now = Timestamp::at(SystemTime::now(), Instant::now());
        let received = match self.receiver.receive(request, now) {
            Ok(received) => received,
            Err(refusal) => return Ok(refused(&refusal)),
        };
        for event in received.events() {
            if let Err(error) = self.act(event) {
                println!("  {} failed, it comes again: {error}", event.name);
                return Ok(received.later());
            }
        }
        Ok(received.acknowledge(random()?))
    }

    fn act(&self, event: &Event) -> Result<(), Box<dyn Error>> {
        if let Some(ticket) = TakeSuiteTicket::from_event(event) {
            self.client.call(ticket)?;
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

/// One request, one response, within a few seconds: behind a proxy that many programs have in
/// front of them, this may be all.
fn serve(mut stream: TcpStream, program: &Program) -> Result<(), Box<dyn Error>> {
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    stream.set_write_timeout(Some(Duration::from_secs(2)))?;
    let (request, mut body) = read_head(&mut stream)?;
    let response = match program.receiver.admit(&request) {
        Err(refusal) => refused(&refusal),
        Ok(limit) => {
            let length = request.headers().get("content-length").and_then(|v| v.to_str().ok());
            // One byte more than is allowed is enough to be refused.
            let length = length.unwrap_or("0").parse::<usize>()?.min(limit + 1);
            let missing = u64::try_from(length.saturating_sub(body.len()))?;
            (&mut stream).take(missing).read_to_end(&mut body)?;
            program.answer(&request.map(|()| body))?
        }
    };
    write!(
        stream,
        "HTTP/1.1 {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n",
        response.status(),
        response.body().len()
    )?;
    stream.write_all(response.body())?;
    Ok(())
}

/// The request's head, and what of its body came with it.
fn read_head(stream: &mut TcpStream) -> Result<(Request<()>, Vec<u8>), Box<dyn Error>> {
    const LARGEST: usize = 16 * 1024;
    let mut bytes = Vec::new();
    loop {
        let mut piece = [0; 4096];
        let read = stream.read(&mut piece)?;
        bytes.extend_from_slice(&piece[..read]);
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut head = httparse::Request::new(&mut headers);
        if let httparse::Status::Complete(end) = head.parse(&bytes)? {
            let mut request = Request::builder()
                .method(head.method.unwrap_or_default())
                .uri(head.path.unwrap_or_default());
            for header in head.headers.iter() {
                request = request.header(header.name, header.value);
            }
            return Ok((request.body(())?, bytes.split_off(end)));
        }
        if read == 0 || bytes.len() > LARGEST {
            return Err("no request".into());
        }
    }
}

fn refused(refusal: &Refusal) -> Response<Vec<u8>> {
    println!("  refused: {refusal}");
    refusal.response()
}
