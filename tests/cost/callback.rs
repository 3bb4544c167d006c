//! What a pushed event of 4 KB costs: received by core, by hand from the same parts, and refused
//! for its signature. The sandbox signs and encrypts it.

use std::hint::black_box;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use aes::Aes256;
use base64::Engine as _;
use cbc::cipher::array::Array;
use cbc::cipher::{BlockModeDecrypt as _, KeyIvInit as _};
use dingtalk_core::Timestamp;
use dingtalk_core::callback::{Owner, Receiver, Refusal};
use dingtalk_sandbox::{Sandbox, Subscription, Trigger};
use http::Request;
use serde::Deserialize;
use sha1::{Digest as _, Sha1};

use crate::exchange::Outcome;

const TOKEN: &str = "tokenExample1";
/// One whose last character leaves no bits over, for the decoder of the hand-written side.
const KEY: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFE";
const NOW: u64 = 1_700_000_000_000;
const ROUNDS: usize = 15;
const ROUND: Duration = Duration::from_millis(60);

/// Prints how long each way takes. Nothing is judged by it, since another program on the machine slows down one way
/// more than another: `tests/cost.py` counts instructions.
pub(crate) fn measure() -> Outcome {
    let event = Event::new()?;
    let mut best = [f64::MAX; 3];
    for _ in 0..ROUNDS {
        // In turn, so that a machine whose speed drifts treats all alike.
        let round =
            [micros(|| event.received()), micros(|| event.by_hand()), micros(|| event.refused())];
        for (best, now) in best.iter_mut().zip(round) {
            *best = best.min(now.ok_or(MISJUDGED)?);
        }
    }
    let [ours, bare, refused] = best;
    println!("an event of {} bytes, the best of many batches", event.bytes);
    println!("received               {ours:>6.1} µs   {:>5.2} × by hand", ours / bare);
    println!("by hand                {bare:>6.1} µs");
    println!("refused, bad signature {refused:>6.1} µs   {:>5.2} × received", refused / ours);
    Ok(())
}

/// Does it one way so many times, and nothing else, for one who counts.
pub(crate) fn repeat(way: &str, times: u64) -> Outcome {
    let event = Event::new()?;
    let way = match way {
        "received" => Event::received,
        "by-hand" => Event::by_hand,
        "refused" => Event::refused,
        _ => return Err("no such way".into()),
    };
    if (0..times).all(|_| black_box(way(&event))) { Ok(()) } else { Err(MISJUDGED.into()) }
}

const MISJUDGED: &str = "a push was not judged as it should be";

/// A push, the same with another signature, and who takes them.
struct Event {
    push: Request<Vec<u8>>,
    forged: Request<Vec<u8>>,
    owner: String,
    bytes: usize,
    receiver: Receiver,
    by_hand: ByHand,
}

impl Event {
    fn new() -> Outcome<Self> {
        let (push, owner, bytes) = push()?;
        let forged = forged(&push)?;
        let receiver = Receiver::new(TOKEN, KEY, Owner::App(owner.as_str().into()))?;
        Ok(Self { push, forged, owner, bytes, receiver, by_hand: ByHand::new()? })
    }

    fn received(&self) -> bool {
        self.receiver.receive(&self.push, Timestamp::from_millis(NOW)).is_ok()
    }

    fn by_hand(&self) -> bool {
        self.by_hand.receive(&self.push, &self.owner).is_some()
    }

    fn refused(&self) -> bool {
        let judged = self.receiver.receive(&self.forged, Timestamp::from_millis(NOW));
        matches!(judged, Err(Refusal::Signature))
    }
}

/// A push as it arrives, whom it is for, and how long its message is.
fn push() -> Outcome<(Request<Vec<u8>>, String, usize)> {
    let sandbox = Sandbox::builder().frozen_at(NOW).in_process();
    let client_id = sandbox.demo().client_id;
    let (sender, pushes) = mpsc::channel();
    let callback = Subscription::receiver(TOKEN, KEY, move |push| {
        let _ = sender.send(push.clone());
        push.success()
    });
    sandbox.subscribe(&client_id, callback)?;
    let mut trigger = Trigger::new("user_add_org");
    for n in 0..210 {
        trigger = trigger.user(format!("manager{n:09}"));
    }
    sandbox.trigger(&client_id, &trigger)?;
    let push = pushes.try_iter().last().ok_or("nothing was pushed")?;
    let request = Request::post(push.url()).body(push.body().as_bytes().to_vec())?;
    Ok((request, client_id, push.message().len()))
}

/// The same push with another signature.
fn forged(push: &Request<Vec<u8>>) -> Result<Request<Vec<u8>>, http::Error> {
    let url = push.uri().to_string().replace("signature=", "signature=0000000000");
    let cut = |part: &str| match part.split_once("signature=") {
        Some((name, digits)) => format!("{name}signature={}", &digits[..40]),
        None => part.to_owned(),
    };
    let url: Vec<String> = url.split('&').map(cut).collect();
    Request::post(url.join("&")).body(push.body().clone())
}

/// Microseconds of one run in the best batch; none if it ever fails. Batches are shorter than what
/// a busy machine gives a thread at a time.
fn micros(run: impl Fn() -> bool) -> Option<f64> {
    const BATCH: u32 = 20;
    let (began, mut best) = (Instant::now(), f64::MAX);
    while began.elapsed() < ROUND {
        let batch = Instant::now();
        for _ in 0..BATCH {
            if !black_box(run()) {
                return None;
            }
        }
        best = best.min(batch.elapsed().as_secs_f64() * 1e6 / f64::from(BATCH));
    }
    Some(best)
}

/// What one writes for a platform that never sends anything wrong, and for nobody who replays.
struct ByHand {
    key: [u8; 32],
    initial: [u8; 16],
}

#[derive(Deserialize)]
struct Envelope<'a> {
    encrypt: &'a str,
}

impl ByHand {
    fn new() -> Outcome<Self> {
        let decoded = base64::engine::general_purpose::STANDARD.decode(format!("{KEY}="))?;
        let key: [u8; 32] = decoded.try_into().map_err(|_| "a key of another length")?;
        let mut initial = [0; 16];
        initial.copy_from_slice(&key[..16]);
        Ok(Self { key, initial })
    }

    fn receive(&self, push: &Request<Vec<u8>>, owner: &str) -> Option<serde_json::Value> {
        let mut query = push.uri().query()?.split('&').filter_map(|part| part.split_once('='));
        let mut value =
            |name: &str| query.find(|(other, _)| *other == name).map(|(_, value)| value);
        let (signature, timestamp, nonce) =
            (value("signature")?, value("timestamp")?, value("nonce")?);
        let Envelope { encrypt } = serde_json::from_slice(push.body()).ok()?;
        let mut parts = [TOKEN, timestamp, nonce, encrypt];
        parts.sort_unstable();
        let hash = Sha1::digest(parts.concat());
        let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        if hex != signature {
            return None;
        }
        let mut data = base64::engine::general_purpose::STANDARD.decode(encrypt).ok()?;
        cbc::Decryptor::<Aes256>::new(&self.key.into(), &self.initial.into())
            .decrypt_blocks(Array::cast_slice_from_core_mut(data.as_chunks_mut::<16>().0));
        let length = u32::from_be_bytes(data.get(16..20)?.try_into().ok()?);
        let end = 20 + usize::try_from(length).ok()?;
        let pad = usize::from(*data.last()?);
        if data.get(end..data.len() - pad)? != owner.as_bytes() {
            return None;
        }
        serde_json::from_slice(data.get(20..end)?).ok()
    }
}
