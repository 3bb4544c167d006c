//! A name by hand, on ureq.

use ureq::tls::{RootCerts, TlsConfig};

mod by_hand;

use by_hand::{Answer, Question, TOKEN_URL, Token, user_url};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
    let agent: ureq::Agent = ureq::Agent::config_builder().tls_config(tls).build().into();

    let token = agent.get(TOKEN_URL).call()?.body_mut().read_to_vec()?;
    let token: Token = serde_json::from_slice(&token)?;
    let question = serde_json::to_vec(&Question { userid: "manager01" })?;
    let request = agent.post(user_url(&token.access_token)).content_type("application/json");
    let answer = request.send(&question)?.body_mut().read_to_vec()?;
    let answer: Answer = serde_json::from_slice(&answer)?;
    println!("{} works in {:?}", answer.result.name, answer.result.dept_id_list);
    Ok(())
}
