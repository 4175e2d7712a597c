use super::lower;
use crate::source::{FileId, Lang};

fn dump(text: &str) -> String {
    lower(FileId(0), Lang::Cpp, text).to_string()
}

#[test]
fn a_function() {
    println!("{}", dump("void f(int a) { g(a); }"));
}
