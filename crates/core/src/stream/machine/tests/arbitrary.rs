//! Whatever comes in whatever order: it never panics, never grows beyond its bounds, never uses a
//! ticket twice, and never asks in a hurry.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Act {
    Pass(u64),
    Opened(bool),
    Connected(u64),
    Text(u64, String),
    Alive(u64),
    Down(u64),
    Handled(u64, bool),
    Stop,
}

fn text() -> impl Strategy<Value = String> {
    let id = 0..200_u32;
    prop_oneof![
        4 => id.clone().prop_map(|id| event(&format!("m{id}")).to_string()),
        2 => id.prop_map(|id| callback(&format!("m{id}"), TOPIC).to_string()),
        1 => Just(system("ping").to_string()),
        1 => Just(system("disconnect").to_string()),
        1 => Just(json!({"type": "NEWS"}).to_string()),
        2 => ".{0,40}",
        1 => r#"\{"type":"(EVENT|CALLBACK|SYSTEM)","headers":[\{\}\[\]":a-z0-9]{0,30}\}"#,
    ]
}

fn act() -> impl Strategy<Value = Act> {
    let near = 1..40_u64;
    prop_oneof![
        3 => (0..30_000_u64).prop_map(Act::Pass),
        2 => any::<bool>().prop_map(Act::Opened),
        2 => near.clone().prop_map(Act::Connected),
        8 => (near.clone(), text()).prop_map(|(link, text)| Act::Text(link, text)),
        1 => near.clone().prop_map(Act::Alive),
        1 => near.clone().prop_map(Act::Down),
        3 => (near, any::<bool>()).prop_map(|(run, well)| Act::Handled(run, well)),
        1 => Just(Act::Stop),
    ]
}

/// Acts on what is there more often than on names that were never given.
fn input(act: Act, step: &Step, tickets: &mut u64) -> Input {
    let lines = &step.machine.lines;
    let link = |n: u64| match lines.get(n as usize % 4) {
        Some(line) => line.link,
        None => Link(n),
    };
    match act {
        Act::Pass(_) => Input::Woken,
        Act::Opened(false) => Input::Opened(Err(Error::new(ErrorKind::Unreachable))),
        Act::Opened(true) => {
            *tickets += 1;
            let ticket = format!("t{tickets}").into();
            Input::Opened(Ok(Connection { endpoint: "wss://h/c".into(), ticket }))
        }
        Act::Connected(n) => Input::Connected(link(n)),
        Act::Text(n, text) => Input::Text(link(n), text),
        Act::Alive(n) => Input::Alive(link(n)),
        Act::Down(n) => Input::Down(link(n), cut()),
        Act::Handled(n, well) => {
            let run = step.machine.flights.keys().nth(n as usize % 8).copied().unwrap_or(Run(n));
            Input::Handled(run, if well { Ok(Answer::Done) } else { Err("x".into()) })
        }
        Act::Stop => Input::Stop,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_course_of_things_breaks_it(
        acts in prop::collection::vec(act(), 1..300),
        entropy in any::<u64>(),
    ) {
        let mut step = Step::new();
        step.entropy = entropy;
        let (mut tickets, mut urls, mut connects) = (0, BTreeSet::new(), 0);
        let (mut running, mut begun) = (BTreeSet::new(), BTreeSet::new());
        let (mut asked, start) = (1_u32, step.now);
        for act in acts {
            if let Act::Pass(millis) = act {
                step.now = step.now + Duration::from_millis(millis);
            }
            let input = input(act, &step, &mut tickets);
            if let Input::Handled(run, _) = &input {
                running.remove(run);
            }
            step.give(input);
            for order in step.orders.drain(..) {
                match order {
                    Order::Open(_) => asked += 1,
                    Order::Connect(_, address) => {
                        connects += 1;
                        urls.insert(address.into_uri().to_string());
                    }
                    Order::Handle(run, _) => {
                        prop_assert!(begun.insert(run), "each run once");
                        running.insert(run);
                    }
                    Order::Wait(wait) => prop_assert!(wait <= LOOK_AGAIN),
                    _ => {}
                }
            }
            prop_assert!(running.len() <= 16);
            let machine = &step.machine;
            prop_assert!(machine.lines.len() <= 3 && machine.waiting.len() <= WAITING);
            prop_assert!(machine.seen.len() <= 200);
        }
        prop_assert_eq!(urls.len(), connects, "each ticket once");
        // One at first, one for a polite request to leave, then pauses of a second and more.
        let seconds = step.now.since(start).as_secs();
        prop_assert!(u64::from(asked) <= 3 + 2 * seconds + seconds / 60);
    }

    #[test]
    fn no_frame_makes_it_panic(frame in ".{0,200}") {
        let (mut step, link) = Step::connected();
        step.give(Input::Text(link, frame));
    }
}
