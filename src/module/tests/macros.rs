//! Which conditions are certain for every build for Windows.

use super::*;
use crate::module::macros::Macros;

/// Whether a condition at the end of `a.c` holds. The text comes first in that file; `h.h` is for it to include.
fn holds_with(source: &str, header: &str, other: &str, condition: &str) -> Option<bool> {
    let text = format!("{source}\n#if {condition}\nint a;\n#endif\n");
    let files = [("a.c", text.as_str()), ("b.c", other), ("h.h", header)];
    let files = files
        .iter()
        .map(|(path, text)| (path.to_string(), text.as_bytes().to_vec()));
    let sources = Sources::new(files.collect());
    let names = Names {
        entries: Vec::new(),
        attributes: Vec::new(),
    };
    let mut facts = scan_all(&sources, &names);
    let includes = headers::resolve(&Tree::new(&sources), &facts);
    let macros = Macros::new(&sources, &mut facts, includes);
    let mut reader = macros.of(FileId(0));
    reader.condition(condition, text.len() as u32)
}

/// The same, for a header that `a.c` includes.
fn holds(header: &str, condition: &str) -> Option<bool> {
    holds_with("#include \"h.h\"", header, "", condition)
}

#[test]
fn arms_decide_which_definition_counts() {
    let mode = |mode: u32| {
        format!(
            "#define PM_MODE {mode}\n#if PM_MODE == 1\n#define PM_FAST 1\n#elif PM_MODE == 2\n#define PM_FAST 2\n\
             #else\n#define PM_FAST 3\n#endif\n"
        )
    };
    for number in 1..4 {
        let header = mode(number);
        assert_eq!(holds(&header, &format!("PM_FAST == {number}")), Some(true));
        assert_eq!(holds(&header, "PM_FAST == 4"), Some(false));
    }
    let both = |test: &str| {
        let header = format!(
            "#define PM_ALWAYS 1\n{test}\n#define PM_FAST 1\n#else\n#define PM_SLOW 1\n#endif\n"
        );
        (holds(&header, "PM_FAST"), holds(&header, "PM_SLOW"))
    };
    let (yes, no) = ((Some(true), Some(false)), (Some(false), Some(true)));
    for (test, expected) in [
        ("#ifdef PM_ALWAYS", yes),
        ("#ifdef PM_NEVER", no),
        ("#ifndef PM_ALWAYS", no),
        ("#ifndef PM_NEVER", yes),
        ("#ifdef TARGET_OS_WINDOWS", yes),
        ("#ifndef TARGET_OS_LINUX", yes),
        ("#ifdef WITH_SPEED", (None, None)),
        ("#ifndef WITH_SPEED", (None, None)),
    ] {
        assert_eq!(both(test), expected, "{test}");
    }
}

/// `TARGET_BOARD` is another platform where the next arm is `TARGET_WINDOWS`.
#[test]
fn arms_of_platforms() {
    let header =
        "#if TARGET_BOARD\n#define PM_FAST 2\n#elif TARGET_WINDOWS\n#define PM_FAST 1\n#endif\n";
    assert_eq!(holds(header, "PM_FAST == 1"), Some(true));
    let options =
        "#if WITH_BOARD\n#define PM_FAST 2\n#elif TARGET_WINDOWS\n#define PM_FAST 1\n#endif\n";
    assert_eq!(holds(options, "PM_FAST == 1"), None);
}

#[test]
fn definitions_of_other_files_do_not_count() {
    let other = "#ifdef WITH_SPEED\n#define PM_FAST 1\n#endif\n";
    assert_eq!(
        holds_with("#define PM_X 1", "", other, "PM_FAST"),
        Some(false)
    );
    assert_eq!(holds_with("#include \"h.h\"", other, "", "PM_FAST"), None);
}

/// A definition behind `//` is a switch that is off; of another name it tells nothing.
#[test]
fn definitions_that_a_comment_turns_off() {
    let of = |source: &str| holds_with(source, "", "", "PM_FAST");
    assert_eq!(of("//#define PM_SLOW\n//#define PM_FAST"), Some(false));
    assert_eq!(of("//#define PM_SLOW"), None);
}

/// What is found out by a configure step may stand in a header that is not there.
#[test]
fn what_is_found_out_for_other_systems_only() {
    let header = "#ifdef __linux__\n#define PM_HAVE_FUTEX 1\n#endif\n";
    let of = |source: &str| holds_with(source, header, "", "PM_HAVE_FUTEX");
    assert_eq!(of("#include \"h.h\""), Some(false));
    assert_eq!(of("#include \"config.h\"\n#include \"h.h\""), None);
}

#[test]
fn numbers_of_all_kinds_are_compared() {
    for (value, expected) in [
        ("0x0601", true),
        ("0X5FFUL", false),
        ("(0x600)", true),
        ("1535", false),
        ("1536", true),
    ] {
        let header = format!("#define PM_VERSION {value}\n");
        let found = holds(&header, "PM_VERSION >= 0x600");
        assert_eq!(found, Some(expected), "{value}");
    }
}

/// What leads too far is open, and not guessed.
#[test]
fn conditions_that_lead_too_far() {
    let chain = |length: u32| {
        let links = (1..length).rev().map(|link| {
            let next = link + 1;
            format!("#if PM_K{next}\n#define PM_K{link} 1\n#endif\n")
        });
        let links: Vec<String> = links.collect();
        format!("#define PM_K{length} 1\n{}", links.concat())
    };
    assert_eq!(holds(&chain(6), "PM_K1"), Some(true));
    assert_eq!(holds(&chain(12), "PM_K1"), None);
    let nested = |depth: usize| {
        let (start, end) = ("#if PM_ON\n".repeat(depth), "#endif\n".repeat(depth));
        format!("#define PM_ON 1\n{start}#define PM_FAST 1\n{end}")
    };
    assert_eq!(holds(&nested(60), "PM_FAST"), Some(true));
    assert_eq!(holds(&nested(66), "PM_FAST"), None);
    let arms = |count: u32, mode: u32| {
        let more = (1..count).map(|number| format!("#elif PM_MODE == {number}\n"));
        let more: Vec<String> = more.collect();
        format!(
            "#define PM_MODE {mode}\n#if PM_MODE == 0\n#define PM_FAST 1\n{}#else\n#define PM_SLOW 1\n#endif\n",
            more.concat()
        )
    };
    assert_eq!(holds(&arms(60, 99), "PM_SLOW"), Some(true));
    assert_eq!(holds(&arms(70, 99), "PM_SLOW"), None);
    assert_eq!(holds(&arms(70, 0), "PM_FAST"), Some(true));
    // Each needs the other first.
    let circle = "#if PM_B\n#define PM_A 1\n#endif\n#if PM_A\n#define PM_B 1\n#endif\n";
    assert_eq!(holds(circle, "PM_A"), None);
    let many = |count: u32| {
        let all = (0..count).map(|number| format!("#if PM_K{number}\n#define PM_FAST 1\n#endif\n"));
        let all: Vec<String> = all.collect();
        all.concat()
    };
    assert_eq!(holds(&many(100), "PM_FAST"), Some(false));
    assert_eq!(holds(&many(2100), "PM_FAST"), None);
}

/// One answer may cost so many steps: what comes behind them is open, however easy.
#[test]
fn what_one_answer_may_cost() {
    let many = |count: u32| {
        let all = (0..count).map(|number| format!("#if PM_K{number}\n#define PM_FAST 1\n#endif\n"));
        let all: Vec<String> = all.collect();
        format!("#define PM_ON 1\n{}", all.concat())
    };
    assert_eq!(holds(&many(100), "PM_FAST || PM_ON"), Some(true));
    assert_eq!(holds(&many(2100), "PM_FAST || PM_ON"), None);
}

/// What is asked again and again on the way to an answer costs once.
#[test]
fn answers_are_kept_on_the_way() {
    let links = (1..6).rev().map(|link| {
        let test = format!("#if PM_K{}\n", link + 1);
        let (start, end) = (test.repeat(4), "#endif\n".repeat(4));
        format!("{start}#define PM_K{link} 1\n{end}")
    });
    let links: Vec<String> = links.collect();
    let header = format!("#define PM_K6 1\n{}", links.concat());
    assert_eq!(holds(&header, "PM_K1"), Some(true));
}
