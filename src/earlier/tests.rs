use super::{Earlier, Record};
use crate::api::Api;
use crate::module::tests::fixtures;
use crate::program::demand;
use crate::project::cache::hashes;
use crate::source::{FileId, Sources};
use crate::{Options, Recorded, analyze_after, index, module, names_to_find};
use std::collections::BTreeMap;

fn run(sources: &Sources, earlier: Option<Earlier>) -> Recorded {
    let texts = hashes(sources);
    let record = Record {
        texts: &texts,
        earlier,
    };
    analyze_after(sources, &Options::default(), Some(record)).unwrap()
}

fn written(run: &Recorded) -> String {
    serde_json::to_string(run.record.as_ref().unwrap()).unwrap()
}

fn read(record: &str) -> Option<Earlier> {
    Some(serde_json::from_str(record).unwrap())
}

/// Whether two runs came to the same, with what they leave to the next.
fn assert_same(one: &Recorded, other: &Recorded, what: &str) {
    let (left, right) = (&one.analysis, &other.analysis);
    assert_eq!(left.diagnostics, right.diagnostics, "{what}");
    assert_eq!(left.partly, right.partly, "{what}");
    assert_eq!(
        format!("{:?}", left.modules),
        format!("{:?}", right.modules),
        "{what}"
    );
    assert!(written(one) == written(other), "{what}: the records differ");
}

/// Edits of a text.
fn edits(sources: &Sources, id: FileId) -> Vec<String> {
    let text = &*sources.file(id).text;
    let seed = id.0 as usize;
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let without = |place: usize| {
        let place = place % lines.len().max(1);
        let kept = lines.iter().enumerate().filter(|(line, _)| *line != place);
        kept.map(|(_, text)| *text).collect::<String>()
    };
    let header = sources
        .ids()
        .map(|id| &sources.file(id).path)
        .filter(|path| path.ends_with(".h"))
        .nth(seed % 3)
        .map_or("none.h", |path| path);
    let name = header.rsplit('/').next().unwrap_or(header);
    vec![
        format!("\n// \u{1F600}\n{text}"),
        without(seed * 7),
        without(seed * 13 + 5),
        without(seed * 5 + 3),
        format!("{text}\nvoid one_more(void) {{ }}\n"),
        format!("#include \"{name}\"\n{text}"),
        format!("#define ONE_MORE 1\n#define _DEBUG_MORE\n{text}"),
        format!("#if defined(ONE_MORE) || 0\nint more;\n#endif\n{text}"),
        format!("{text}\n__declspec(dllexport) void one_more(void) {{ Sleep(1); }}\n"),
        text.replace("__declspec(dllexport)", ""),
        text.replace("(void)", "(int)"),
        format!("{text}\nvoid ( broken {{ ;;; )\n"),
        String::new(),
    ]
}

/// After every edit, and after taking it back, a run with the record of the one before it comes to what a run from the
/// start does. Gives how many modules were taken from the record, and how many runs took some.
fn follows(folder: &str, stride: usize) -> (usize, usize) {
    let sources = fixtures(folder);
    let base = run(&sources, None);
    let record = written(&base);
    assert!(!base.analysis.diagnostics.is_empty());
    let unchanged = run(&sources, read(&record));
    assert_eq!(unchanged.looked_at, 0);
    assert_same(&unchanged, &base, folder);
    let (mut kept, mut runs) = (0, 0);
    let files = sources
        .ids()
        .filter(|&id| sources.file(id).lang.is_some())
        .step_by(stride);
    for id in files {
        for (number, text) in edits(&sources, id).into_iter().enumerate() {
            let what = format!("{folder}/{}, edit {number}", sources.file(id).path);
            let edited = sources.with_texts(&BTreeMap::from([(id, text)]));
            let new = run(&edited, None);
            let again = run(&edited, read(&record));
            assert_same(&again, &new, &what);
            let taken = again.analysis.modules.len() - again.looked_at;
            kept += taken;
            runs += usize::from(taken > 0);
            if number % 3 == id.0 as usize % 3 {
                let back = run(&sources, again.record);
                assert_same(&back, &base, &format!("{what}, taken back"));
            }
        }
    }
    (kept, runs)
}

#[test]
fn a_run_after_an_edit_comes_to_what_one_from_the_start_does() {
    follows("wait_in_dll_main", 82);
    follows("demo", 1);
}

#[test]
fn a_blank_that_turns_a_switch_into_an_explanation_is_seen() {
    let sources = fixtures("engine/switched_off");
    let base = run(&sources, None);
    let header = sources.ids().find(|&id| {
        let file = sources.file(id);
        file.path.ends_with(".h") && file.text.contains("//#define")
    });
    let header = header.expect("the fixture has it");
    let text = sources.file(header).text.replace("//#define", "// #define");
    let edited = sources.with_texts(&BTreeMap::from([(header, text)]));
    let new = run(&edited, None);
    assert!(new.analysis.diagnostics.len() > base.analysis.diagnostics.len());
    let again = run(&edited, read(&written(&base)));
    assert_same(&again, &new, "a blank more");
}

#[test]
fn other_modules_are_taken_from_the_record() {
    let (kept, runs) = follows("engine", 37);
    assert!(runs > 20 && kept > runs, "{kept} modules in {runs} runs");
}

/// DLLs, each a folder with one source in C, and headers beside them: path and text.
fn dlls(files: &[(&str, &str)]) -> Sources {
    let bytes = |path: &str, text: &str| (path.to_string(), text.as_bytes().to_vec());
    let mut all: Vec<(String, Vec<u8>)> = Vec::new();
    for (path, text) in files {
        all.push(bytes(path, text));
        if let Some((folder, source)) = path
            .split_once('/')
            .filter(|(_, name)| name.ends_with(".c"))
        {
            let target = format!("add_library({folder} SHARED {source})\n");
            all.push(bytes(&format!("{folder}/CMakeLists.txt"), &target));
        }
    }
    Sources::new(all)
}

/// Two DLLs, of which one calls the other under the loader lock, and a third.
fn three() -> Sources {
    dlls(&[
        ("one/one.h", "#pragma once\nvoid stop(void);\n"),
        (
            "one/one.c",
            "#include <windows.h>\n#include \"one.h\"\nstatic HANDLE g_thread;\n\
             void stop(void) { WaitForSingleObject(g_thread, INFINITE); }\n\
             BOOL WINAPI DllMain(HINSTANCE module, DWORD reason, void *reserved) { return TRUE; }\n",
        ),
        (
            "two/two.c",
            "#include <windows.h>\n#include \"../one/one.h\"\n\
             BOOL WINAPI DllMain(HINSTANCE module, DWORD reason, void *reserved)\n\
             { if (reason == DLL_PROCESS_DETACH) stop(); return TRUE; }\n",
        ),
        (
            "three/three.c",
            "#include <windows.h>\nstatic HANDLE g_thread;\n\
             BOOL WINAPI DllMain(HINSTANCE module, DWORD reason, void *reserved)\n\
             { WaitForSingleObject(g_thread, INFINITE); return TRUE; }\n",
        ),
    ])
}

/// After an edit of one file: how many modules were looked at, and what was found in the end.
fn after(from: &str, to: &str, path: &str) -> (usize, usize) {
    let sources = three();
    let base = run(&sources, None);
    assert_eq!(base.analysis.modules.len(), 3);
    assert_eq!(base.analysis.diagnostics.len(), 2);
    let id = sources.find(path).unwrap();
    let text = sources.file(id).text.replace(from, to);
    let edited = sources.with_texts(&BTreeMap::from([(id, text)]));
    let again = run(&edited, base.record);
    assert_same(&again, &run(&edited, None), to);
    (again.looked_at, again.analysis.diagnostics.len())
}

#[test]
fn modules_are_looked_at_for_what_they_rest_on() {
    // One that nothing else rests on.
    assert_eq!(
        after("return TRUE", "return  TRUE", "three/three.c"),
        (1, 2)
    );
    // What another one calls is read with it.
    assert_eq!(after("INFINITE", "0", "one/one.c"), (2, 1));
    assert_eq!(after("return TRUE", "return  TRUE", "two/two.c"), (1, 2));
    // A name that came to be, and one that has gone.
    assert_eq!(after("void stop", "void stop_all", "one/one.c").1, 1);
    assert_eq!(
        after(
            "static HANDLE g_thread;",
            "void stop(void) { }",
            "three/three.c"
        )
        .1,
        2
    );
    // What macros are worth concerns all, but only those that somebody asks for.
    assert_eq!(
        after(
            "static HANDLE",
            "#define N 1\nstatic HANDLE",
            "three/three.c"
        )
        .0,
        1
    );
    assert_eq!(
        after(
            "static HANDLE",
            "#if N\n#endif\nstatic HANDLE",
            "three/three.c"
        )
        .0,
        3
    );
    // A build file may say anything.
    assert_eq!(after("three.c", "three.c ", "three/CMakeLists.txt").0, 3);
}

#[test]
fn bodies_are_chosen_anew_only_for_what_the_choice_has_seen() {
    let sources = three();
    let api = Api::new(&[]).unwrap();
    let names = names_to_find(&api);
    let id = sources.find("three/three.c").unwrap();
    let is_kept = |from: &str, to: &str| {
        let text = sources.file(id).text.replace(from, to);
        assert_ne!(text, *sources.file(id).text);
        let edited = sources.with_texts(&BTreeMap::from([(id, text)]));
        let facts = index::scan_all(&edited, &names);
        let modules = module::find(&edited, &facts, &[]);
        let is_c = demand::files_in_c(&edited, &facts, &api, &modules);
        let mut record = Record {
            texts: &hashes(&edited),
            earlier: run(&sources, None).record,
        };
        record.chosen(&edited, &facts, &modules, &is_c).is_some()
    };
    assert!(is_kept("return TRUE;", "/* done */ return  TRUE;"));
    assert!(is_kept("return TRUE;", "int local = 1; return local;"));
    assert!(!is_kept("return TRUE;", "Sleep(1); return TRUE;"));
    assert!(!is_kept("return TRUE;", "stop(); return TRUE;"));
    assert!(!is_kept("return TRUE; }", "return TRUE; } int more;"));
}

#[test]
fn a_record_of_other_files_holds_nothing() {
    let demo = run(&fixtures("demo"), None);
    let sources = three();
    let again = run(&sources, demo.record);
    assert_eq!(again.looked_at, 3);
    assert_same(&again, &run(&sources, None), "three");
}

/// Two DLLs with a header that says more than either needs, and a third that is most of the tree.
fn large(calls: &str) -> Sources {
    let two = format!(
        "#include <windows.h>\n#include \"../one/one.h\"\n\
         BOOL WINAPI DllMain(HINSTANCE module, DWORD reason, void *reserved)\n\
         {{ if (reason == DLL_PROCESS_DETACH && {calls}) stop(0); return TRUE; }}\n"
    );
    let three = format!(
        "#include <windows.h>\n{}static HANDLE g_thread;\n\
         BOOL WINAPI DllMain(HINSTANCE module, DWORD reason, void *reserved)\n\
         {{ WaitForSingleObject(g_thread, INFINITE); return TRUE; }}\n",
        "/* The rest of a large tree. */\n".repeat(200)
    );
    dlls(&[
        (
            "one/one.h",
            "#pragma once\n#define FOR_EVER INFINITE\nstruct worker { HANDLE thread; HANDLE other; };\n\
             void stop(int number);\n",
        ),
        (
            "one/one.c",
            "#include <windows.h>\n#include \"one.h\"\nstatic struct worker g_workers[2];\n\
             void stop(int number) { WaitForSingleObject(g_workers[number].thread, FOR_EVER); }\n\
             BOOL WINAPI DllMain(HINSTANCE module, DWORD reason, void *reserved) { return TRUE; }\n",
        ),
        ("two/two.c", &two),
        ("three/three.c", &three),
    ])
}

#[test]
fn of_a_few_modules_only_what_they_ask_for_is_read() {
    let sources = large("1");
    let api = Api::new(&[]).unwrap();
    let mut facts = index::scan_all(&sources, &names_to_find(&api));
    let modules = module::find(&sources, &facts, &[]);
    let exports = crate::module::imports::Exports::collect(&modules, &facts);
    let all = demand::Demand::select(&sources, &facts, &modules, &exports, &api, &[], None, None);
    let header = sources.find("one/one.h").unwrap();
    let text = &sources.file(header).text;
    let left_out = |demand: &demand::Demand, facts: &[index::Facts]| -> String {
        let kept = demand.kept(header).unwrap();
        let functions = &facts[header.0 as usize].functions;
        let pieces = kept.left_out(text, sources.file(header).lang.unwrap(), functions);
        pieces.into_iter().map(|piece| &text[piece]).collect()
    };
    for word in ["FOR_EVER", "worker", "stop"] {
        assert!(!left_out(&all, &facts).contains(word), "{word}");
    }
    let mut of = |names: &[&str]| {
        let looked_at: Vec<&module::Module> = modules
            .iter()
            .filter(|module| names.contains(&&*module.name))
            .collect();
        let may_narrow = vec![true; sources.len()];
        let files = (&sources, &mut facts[..]);
        let narrowed = demand::narrowed(&all, files, &api, &looked_at, &may_narrow);
        narrowed.map(|narrowed| left_out(&narrowed, &facts))
    };
    let left = of(&["two"]).unwrap();
    assert!(left.contains("FOR_EVER") && left.contains("worker") && !left.contains("stop"));
    let left = of(&["one", "two"]).unwrap();
    assert!(!left.contains("FOR_EVER") && !left.contains("worker"));
    // Most of the tree.
    assert_eq!(of(&["three"]), None);
}

#[test]
fn a_module_that_is_called_for_the_first_time_is_read_as_it_needs() {
    for (before, now, found) in [("0", "1", 2), ("1", "0", 1)] {
        let base = run(&large(before), None);
        let sources = large(now);
        let new = run(&sources, None);
        assert_eq!(new.analysis.diagnostics.len(), found);
        let again = run(&sources, base.record);
        assert_eq!(again.looked_at, 1);
        assert_same(&again, &new, now);
    }
}
