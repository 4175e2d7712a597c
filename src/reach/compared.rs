//! Comparisons of what is known: certain, impossible, a matter of the context, or open.

use super::state::Abstract;
use crate::entry::Contexts;
use crate::ir::{Op, Place, Root};
use crate::program::{FnId, Meaning, Program};

/// What a comparison comes to.
pub(super) enum Verdict {
    Always,
    Never,
    /// It holds in these contexts, and in no others.
    In(Contexts),
    /// It is open in all other contexts.
    Partly {
        holds: Contexts,
        fails: Contexts,
    },
    Unknown,
}

/// Compares two values, as far as they are known.
pub(super) fn compare(left: &Abstract, op: Op, right: &Abstract) -> Verdict {
    let decided = |holds: bool| {
        if holds {
            Verdict::Always
        } else {
            Verdict::Never
        }
    };
    match (left, right) {
        (Abstract::Reason, other) => match other.number() {
            Some(number) => {
                let mut contexts = Contexts(0);
                for reason in 0..4u8 {
                    if op.holds(i64::from(reason), number) {
                        contexts = contexts.or(Contexts::reason(reason));
                    }
                }
                Verdict::In(contexts)
            }
            None => Verdict::Unknown,
        },
        (_, Abstract::Reason) => compare(right, op.mirrored(), left),
        (Abstract::Truth(contexts), other) => match (other.number(), op) {
            (Some(0), Op::Ne | Op::Gt) | (Some(1), Op::Eq | Op::Ge) => Verdict::In(*contexts),
            (Some(0), Op::Eq | Op::Le) | (Some(1), Op::Ne | Op::Lt) => {
                Verdict::In(Contexts::ALL.but(*contexts))
            }
            (_, Op::HasBits) => Verdict::In(*contexts),
            _ => Verdict::Unknown,
        },
        (_, Abstract::Truth(_)) => compare(right, op.mirrored(), left),
        (&Abstract::Partly(set, unset), other) => match (other.number(), op) {
            (Some(0), Op::Ne) => Verdict::Partly {
                holds: set,
                fails: unset,
            },
            (Some(0), Op::Eq) => Verdict::Partly {
                holds: unset,
                fails: set,
            },
            _ => Verdict::Unknown,
        },
        (_, Abstract::Partly(..)) => compare(right, op.mirrored(), left),
        (Abstract::Symbol(left), Abstract::Symbol(right)) => match op {
            Op::Eq | Op::Ne if left == right => decided(op == Op::Eq),
            // Names of one family stand for different numbers: the messages WM_CLOSE and WM_COMMAND.
            Op::Eq | Op::Ne if family(left) == family(right) => decided(op == Op::Ne),
            _ => Verdict::Unknown,
        },
        _ => {
            if let (Some(left), Some(right)) = (left.number(), right.number()) {
                return decided(op.holds(left, right));
            }
            match (left.truth(), right.number(), op) {
                (Some(true), Some(0), Op::Ne) => Verdict::Always,
                (Some(true), Some(0), Op::Eq) => Verdict::Never,
                _ => Verdict::Unknown,
            }
        }
    }
}

/// The name of a constant that no file of the program defines: in capitals, as those of the system's headers are.
pub(super) fn symbol(program: &Program, function: FnId, place: &Place) -> Abstract {
    let Root::Global(name) = &place.root else {
        return Abstract::Unknown;
    };
    let last = crate::api::last_segment(name);
    let in_capitals = last.starts_with(|c: char| c.is_ascii_uppercase())
        && last
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    if in_capitals
        && !family(last).is_empty()
        && place.path.is_empty()
        && matches!(program.meaning(function, name), Meaning::Unknown)
    {
        Abstract::Symbol(last.into())
    } else {
        Abstract::Unknown
    }
}

/// What the names of one family of constants begin with: `WM_`.
fn family(name: &str) -> &str {
    name.split_once('_').map_or("", |(family, _)| family)
}
