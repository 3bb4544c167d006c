//! What can a program do about an error? Five things go wrong here on purpose, each with the two
//! clients; `kind()` says what to do, and the platform's own code and request id are kept for its
//! support.
//!
//! `cargo run --example what_went_wrong`

use dingtalk_blocking::core::contact::{GetUser, GetUserByCode};
use dingtalk_blocking::core::{App, Error, ErrorKind, Region};
use dingtalk_sandbox::Sandbox;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::start()?;
    let demo = sandbox.demo();
    let region = Region::custom(&sandbox.origin())?;
    let app = |id: &str, secret: &str| App::builder(id, secret).region(region.clone()).build();
    let good = app(&demo.client_id, &demo.client_secret);
    let code = sandbox.silent_code(&demo.client_id, &demo.user_id)?;

    println!("blocking");
    let client = dingtalk_blocking::Client::new(good.clone())?;
    tell("nobody by that id", client.call(GetUser::new("nobody")));
    client.call(GetUserByCode::new(code.as_str()))?;
    tell("a code used twice", client.call(GetUserByCode::new(code.as_str())));

    println!("async");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let wrong = dingtalk_async::Client::new(app(&demo.client_id, "wrong"))?;
        tell("a wrong secret", wrong.call(GetUser::new("manager01")).await);
        let plain = app(&demo.plain_client_id, &demo.plain_client_secret);
        let plain = dingtalk_async::Client::new(plain)?;
        tell("no permission", plain.call(GetUser::new("manager01")).await);
        let nowhere = App::builder("id", "secret").region(Region::custom("http://127.0.0.1:1")?);
        let nowhere = dingtalk_async::Client::new(nowhere.build())?;
        tell("no network", nowhere.call(GetUser::new("manager01")).await);
        Ok(())
    })
}

fn tell<T>(what: &str, result: Result<T, Error>) {
    let Err(error) = result else {
        println!("  {what}: went well");
        return;
    };
    let advice = match error.kind() {
        ErrorKind::NotFound => "a normal result: show that there is nobody".to_owned(),
        ErrorKind::CodeDead => "send the person back to the log-in".to_owned(),
        ErrorKind::Credentials => "page whoever keeps the secret".to_owned(),
        ErrorKind::Permission { points, .. } => format!("ask the admin for {}", points.join(", ")),
        _ if error.is_temporary() => "try again later".to_owned(),
        _ => "log it and look".to_owned(),
    };
    println!("  {what}: {advice}\n      {error}");
}
