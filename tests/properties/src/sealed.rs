//! A sealed record opens to what was sealed or not at all.

use arbitrary::Unstructured;
use dingtalk_core::store::{
    Memory, NewRecord, Record, Store, StoreKey, StoreKind, StoreOp, StoreReply,
};
use dingtalk_store_sealed::{Keys, Sealed};
use std::time::Duration;

use super::{choose, text};

const KEY: &str = "3q2+7wABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhs=";
const CONTENT: &str = "the token";

/// A store that was tampered with.
struct Tampered(String);

impl Store for Tampered {
    type Exchange = StoreReply;

    fn ask(&self, _: StoreOp) -> StoreReply {
        let record = Record::new(self.0.as_str().into(), 1, 0, 1, 1);
        StoreReply::Record { record: Some(record) }
    }
}

pub(super) fn check(data: &[u8]) {
    let mut from = Unstructured::new(data);
    let key = StoreKey::new(StoreKind::App, "api.dingtalk.com", "dingabc");
    let keys = || Keys::new("k", KEY).expect("it is a key");
    let (edit, place, byte) =
        (choose::<u8>(&mut from), choose::<u16>(&mut from), choose::<u8>(&mut from));
    let stored = match edit % 4 {
        0 => text(from),
        1 => format!("sealed.1.k.{}", text(from)),
        _ => {
            let memory = Memory::new(|| 0);
            let life = Duration::from_secs(60);
            let record = NewRecord::new(CONTENT.into(), life, life);
            let write = StoreOp::Write { key: key.clone(), expected: 0, record, unlock: None };
            Sealed::new(memory.clone(), keys()).ask(write);
            let StoreReply::Record { record: Some(record) } =
                memory.ask(StoreOp::Load { key: key.clone() })
            else {
                panic!("it was just written")
            };
            let mut bytes = record.value.expose().as_bytes().to_vec();
            let place = usize::from(place) % bytes.len();
            bytes[place] = byte;
            String::from_utf8_lossy(&bytes).into_owned()
        }
    };
    match Sealed::new(Tampered(stored), keys()).ask(StoreOp::Load { key }) {
        StoreReply::Record { record: Some(record) } => {
            assert_eq!(record.value.expose(), CONTENT, "it opened to something else");
        }
        StoreReply::Failed { why } => assert!(!why.contains(CONTENT) && !why.contains(KEY)),
        other => panic!("{other:?}"),
    }
}
