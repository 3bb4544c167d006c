//! The sandbox against a small reference model: made-up steps go to both, and every answer is compared.
//!
//! A thousand runs of sixty steps, each from its own seed. `PROPTEST_CASES=50000` makes it more, `MODEL_SEED=7` starts
//! at another seed; a failure prints the steps it came down to and the command that repeats them.

mod driver;
mod reference;

use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};

use driver::Driver;
use reference::Mode;

const STEPS: usize = 60;

/// One thing that happens. Numbers choose among what there is by then.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// What other steps shrink to.
    Nothing,
    /// An internal app asks for its token at one of three endpoints.
    Internal {
        app: usize,
        door: usize,
    },
    /// The third-party app asks for a token in an organization at one of two endpoints.
    Corp {
        corp: usize,
        door: usize,
    },
    Sso,
    SilentCode {
        app: usize,
        person: usize,
    },
    SsoCode {
        person: usize,
    },
    Login {
        app: usize,
        corp: usize,
        person: usize,
        with_corp: bool,
    },
    Consent {
        app: usize,
        person: usize,
        mobile: bool,
        agrees: bool,
    },
    ShowSilent {
        code: usize,
        token: usize,
    },
    ShowOAuth {
        code: usize,
        app: Option<usize>,
    },
    ShowSso {
        code: usize,
        token: usize,
    },
    Refresh {
        pair: usize,
        app: Option<usize>,
    },
    ReadMember {
        token: usize,
    },
    ReadMe {
        token: usize,
    },
    AskFor {
        app: usize,
        point: usize,
    },
    Grant {
        app: usize,
        point: usize,
    },
    TakeBack {
        app: usize,
        point: usize,
    },
    Withdraw {
        app: usize,
        person: usize,
    },
    DropToken {
        token: usize,
    },
    DropRefresh {
        pair: usize,
    },
    DropAll,
    Disable {
        app: usize,
        disabled: bool,
    },
    Advance {
        ms: u64,
    },
    /// Snapshot and load: nothing may change.
    Reload,
    Reset,
}

#[test]
fn the_sandbox_does_what_a_small_reference_model_does() {
    let number = |name: &str, usual: u64| {
        std::env::var(name).map_or(usual, |text| text.parse().expect("a whole number"))
    };
    let (first, runs) = (number("MODEL_SEED", 1), number("PROPTEST_CASES", 1_000));
    for seed in first..first + runs {
        if let Err((mode, steps, why)) = run(seed) {
            let steps: Vec<_> =
                steps.iter().filter(|step| !matches!(step, Step::Nothing)).collect();
            panic!(
                "{why}\nin mode {mode:?} after {steps:#?}\nagain: MODEL_SEED={seed} PROPTEST_CASES=1 \
                 cargo test -p dingtalk-sandbox --test model"
            );
        }
    }
}

fn run(seed: u64) -> Result<(), (Mode, Vec<Step>, String)> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let config = Config {
        cases: 1,
        max_shrink_iters: 5_000,
        failure_persistence: None,
        ..Config::default()
    };
    let mode = prop_oneof![Just(Mode::Rotate), Just(Mode::SamePair), Just(Mode::Grace)];
    let plan = (mode, proptest::collection::vec(step(), STEPS));
    let outcome = TestRunner::new_with_rng(config, rng).run(&plan, |(mode, steps)| {
        let mut driver = Driver::new(mode);
        for step in steps {
            driver.take(step).map_err(|why| {
                proptest::test_runner::TestCaseError::fail(format!("{step:?}: {why}"))
            })?;
        }
        Ok(())
    });
    match outcome {
        Ok(()) => Ok(()),
        Err(TestError::Fail(why, (mode, steps))) => Err((mode, steps, why.to_string())),
        Err(TestError::Abort(why)) => panic!("no steps could be made up: {why}"),
    }
}

fn step() -> impl Strategy<Value = Step> {
    let (app, corp, person) = (|| 0..3_usize, || 0..2_usize, || 0..2_usize);
    // Counted from the newest, which are the likeliest to be alive.
    let recent = || prop_oneof![4 => 0..3_usize, 1 => 0..20_usize];
    let whose = || prop_oneof![4 => Just(None), 1 => (0..3_usize).prop_map(Some)];
    prop_oneof![
        1 => Just(Step::Nothing),
        6 => (0..2_usize, 0..3_usize).prop_map(|(app, door)| Step::Internal { app, door }),
        4 => (corp(), 0..2_usize).prop_map(|(corp, door)| Step::Corp { corp, door }),
        2 => Just(Step::Sso),
        5 => (app(), person()).prop_map(|(app, person)| Step::SilentCode { app, person }),
        2 => person().prop_map(|person| Step::SsoCode { person }),
        5 => (app(), corp(), person(), any::<bool>())
            .prop_map(|(app, corp, person, with_corp)| Step::Login { app, corp, person, with_corp }),
        4 => (app(), person(), any::<bool>(), 0..4_u8).prop_map(|(app, person, mobile, mood)| {
            Step::Consent { app, person, mobile, agrees: mood > 0 }
        }),
        6 => (recent(), recent()).prop_map(|(code, token)| Step::ShowSilent { code, token }),
        8 => (recent(), whose()).prop_map(|(code, app)| Step::ShowOAuth { code, app }),
        3 => (recent(), recent()).prop_map(|(code, token)| Step::ShowSso { code, token }),
        9 => (recent(), whose()).prop_map(|(pair, app)| Step::Refresh { pair, app }),
        5 => recent().prop_map(|token| Step::ReadMember { token }),
        6 => recent().prop_map(|token| Step::ReadMe { token }),
        3 => (app(), 0..3_usize).prop_map(|(app, point)| Step::AskFor { app, point }),
        3 => (app(), 0..3_usize).prop_map(|(app, point)| Step::Grant { app, point }),
        2 => (app(), 0..3_usize).prop_map(|(app, point)| Step::TakeBack { app, point }),
        1 => (app(), person()).prop_map(|(app, person)| Step::Withdraw { app, person }),
        1 => recent().prop_map(|token| Step::DropToken { token }),
        1 => recent().prop_map(|pair| Step::DropRefresh { pair }),
        1 => Just(Step::DropAll),
        2 => (app(), 0..3_u8).prop_map(|(app, mood)| Step::Disable { app, disabled: mood == 0 }),
        8 => spans().prop_map(|ms| Step::Advance { ms }),
        1 => Just(Step::Reload),
        1 => Just(Step::Reset),
    ]
}

/// Every life's last millisecond and the one after it, halves of them, and anything.
fn spans() -> impl Strategy<Value = u64> {
    const LIVES: [u64; 5] = [60_000, 300_000, 3_600_000, 7_200_000, 2_592_000_000];
    prop_oneof![
        4 => (0..LIVES.len(), 0..2_u64).prop_map(|(at, less)| LIVES[at] - less),
        3 => (0..LIVES.len() - 1).prop_map(|at| LIVES[at] / 2),
        2 => 1..10_000_u64,
    ]
}
