//! Where calls stand among the statements of a C or C++ file, for edits of its text.
//!
//! In come a text and the ranges of calls in it, out go the ranges around them that an edit needs. Only calls that are
//! statements of their own have a place, in a part of the file that the grammar has read without an error and that no
//! condition of the preprocessor decides about; what a macro makes of a text is not seen, and is no place.

use super::fields::{Fields, NodeField};
use super::{Lang, Prepared, parse};
use std::cell::OnceCell;
use std::ops::Range;
use tree_sitter::{Node, Parser, Tree};

/// A call that is a statement: `f(a, b);`. Ranges are of the file's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallStatement {
    /// What is called, as it is written.
    pub callee: Range<usize>,
    pub arguments: Vec<Range<usize>>,
    /// With the semicolon.
    pub statement: Range<usize>,
    /// Where the block begins that the statement stands in, or that holds the `if` whose body it is.
    pub block: usize,
    /// The statement is the body of an `if` without braces and without `else`: from the `if` to the end of the condition.
    pub branch: Option<Range<usize>>,
    /// What the function does next.
    pub then: Then,
    /// The next statement of the same block.
    pub following: Option<Range<usize>>,
    /// Some block around it is left by unwinding in a special way: `try`, `__try`.
    pub protected: bool,
}

/// What a function does after a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Then {
    /// It returns. `adjacent`: the statement stands right behind in the same block, so that nothing else leads to it.
    Return {
        statement: Range<usize>,
        value: Option<Range<usize>>,
        adjacent: bool,
    },
    /// Its body ends.
    End,
    Else,
}

/// A file, parsed for the places of its calls when somebody first asks for them.
pub struct Statements {
    /// In each language that the file can be in: whether it is C++, and what a parser made of it.
    trees: Vec<(bool, OnceCell<Option<Parsed>>)>,
}

type Parsed = (Prepared, Tree);

impl Statements {
    /// A file of one language. One called `.c` may hold C++.
    pub fn of(lang: Lang) -> Statements {
        let languages: &[bool] = if lang == Lang::C {
            &[false, true]
        } else {
            &[true]
        };
        Statements {
            trees: languages
                .iter()
                .map(|&cpp| (cpp, OnceCell::new()))
                .collect(),
        }
    }

    /// The places of calls in the file's text, in their order.
    pub fn at(&self, text: &str, calls: &[Range<usize>]) -> Vec<Option<CallStatement>> {
        let mut best = vec![None; calls.len()];
        for (cpp, tree) in &self.trees {
            let parsed = tree.get_or_init(|| {
                let prepared = Prepared::new(text, *cpp);
                let tree = parse(&mut Parser::new(), *cpp, &prepared.text)?;
                Some((prepared, tree))
            });
            let Some((prepared, tree)) = parsed else {
                continue;
            };
            for (place, call) in best.iter_mut().zip(calls) {
                if place.is_none() {
                    *place = call_statement(text, prepared, tree, call);
                }
            }
            if best.iter().all(Option::is_some) {
                break;
            }
        }
        best
    }
}

/// Whether a directive of the preprocessor stands in a range, dead or not.
pub fn has_directive(text: &str, range: &Range<usize>) -> bool {
    text.get(range.clone()).is_none_or(|text| {
        text.lines()
            .any(|line| line.trim_start().starts_with(['#']) || line.trim_end().ends_with('\\'))
    })
}

fn call_statement(
    text: &str,
    prepared: &Prepared,
    tree: &Tree,
    call: &Range<usize>,
) -> Option<CallStatement> {
    let mut node = tree
        .root_node()
        .descendant_for_byte_range(call.start, call.end)?;
    while node.kind() != "call_expression" {
        node = node
            .parent()
            .filter(|parent| parent.start_byte() == call.start)?;
    }
    if node.byte_range() != *call || node.has_error() {
        return None;
    }
    let statement = node
        .parent()
        .filter(|parent| parent.kind() == "expression_statement" && !parent.has_error())?;
    let function = enclosing_function(statement)?;
    if is_conditional(text, prepared, function.start_byte()..statement.end_byte()) {
        return None;
    }
    let callee = node.field(NodeField::Function)?.byte_range();
    let list = node.field(NodeField::Arguments)?;
    let mut cursor = list.walk();
    let arguments: Vec<Range<usize>> = list
        .named_children(&mut cursor)
        .map(|argument| argument.byte_range())
        .collect();
    // What was made harmless before the parse is not what the file says.
    if std::iter::once(&callee)
        .chain(&arguments)
        .any(|range| text.get(range.clone()) != prepared.text.get(range.clone()))
    {
        return None;
    }
    let (inner, branch) = body_of_if(statement)?;
    let inner = labelled(inner);
    let block = inner
        .parent()
        .filter(|block| matches!(block.kind(), "compound_statement" | "case_statement"))?;
    Some(CallStatement {
        callee,
        arguments,
        statement: statement.byte_range(),
        block: block.start_byte(),
        branch,
        then: then(statement),
        following: inner
            .next_named_sibling()
            .filter(|_| block.kind() == "compound_statement")
            .map(|next| next.byte_range()),
        protected: is_protected(statement, function),
    })
}

/// The function or lambda around a node; none if anything between has not been understood.
fn enclosing_function(node: Node) -> Option<Node> {
    let mut at = node;
    loop {
        at = at.parent()?;
        match at.kind() {
            "function_definition" | "lambda_expression" => return Some(at),
            kind if at.is_error() || kind.starts_with("preproc") => return None,
            _ => {}
        }
    }
}

/// Whether a condition that begins in a range is still open at its end, by the text: also one that is decided.
fn is_conditional(text: &str, prepared: &Prepared, range: Range<usize>) -> bool {
    let mut open = 0_i32;
    for directive in prepared
        .directives
        .iter()
        .filter(|directive| range.contains(&directive.range.start))
    {
        match directive.name.as_str() {
            "if" | "ifdef" | "ifndef" => open += 1,
            "endif" => open -= 1,
            _ => {}
        }
    }
    open != 0 || text.get(range).is_none()
}

/// The statement itself, or the `if` whose body it is, with the range of the `if` up to the end of its condition. None
/// where it is the body of something else.
fn body_of_if(statement: Node) -> Option<(Node, Option<Range<usize>>)> {
    let parent = statement.parent()?;
    match parent.kind() {
        "compound_statement" | "case_statement" | "labeled_statement" => Some((statement, None)),
        "if_statement" if parent.field(NodeField::Alternative).is_none() => {
            let condition = parent.field(NodeField::Condition)?;
            let outer = labelled(parent).parent()?;
            // `else if`, or a body of a body: braces would have to go further out.
            (outer.kind() == "compound_statement")
                .then_some((parent, Some(parent.start_byte()..condition.end_byte())))
        }
        _ => None,
    }
}

/// A statement with the labels in front of it.
fn labelled(statement: Node) -> Node {
    let mut at = statement;
    while let Some(label) = at
        .parent()
        .filter(|parent| parent.kind() == "labeled_statement")
    {
        at = label;
    }
    at
}

/// What comes after a statement in its function.
fn then(statement: Node) -> Then {
    let mut at = statement;
    let mut adjacent = true;
    loop {
        if let Some(next) = at.next_named_sibling().filter(|_| is_block(at.parent())) {
            if next.kind() != "return_statement" || next.has_error() {
                return Then::Else;
            }
            return Then::Return {
                statement: next.byte_range(),
                value: next.named_child(0).map(|value| value.byte_range()),
                adjacent,
            };
        }
        let Some(parent) = at.parent() else {
            return Then::Else;
        };
        match parent.kind() {
            "function_definition" | "lambda_expression" => return Then::End,
            "labeled_statement" => {}
            "if_statement" | "else_clause" | "compound_statement" => adjacent = false,
            _ => return Then::Else,
        }
        at = parent;
    }
}

fn is_block(node: Option<Node>) -> bool {
    node.is_some_and(|node| node.kind() == "compound_statement")
}

fn is_protected(node: Node, function: Node) -> bool {
    let mut at = node;
    while let Some(parent) = at.parent().filter(|parent| *parent != function) {
        if matches!(parent.kind(), "try_statement" | "seh_try_statement") {
            return true;
        }
        at = parent;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str, call: &str) -> Option<CallStatement> {
        let start = text.find(call).unwrap();
        let call = start..start + call.len();
        Statements::of(Lang::C)
            .at(text, std::slice::from_ref(&call))
            .pop()
            .unwrap()
    }

    #[test]
    fn a_statement_knows_what_comes_after_it() {
        let text = "int f(void) { if (a) { f(x); } /* so */ return 0; }";
        let found = place(text, "f(x)").unwrap();
        assert_eq!(&text[found.callee], "f");
        let Then::Return {
            statement,
            value: Some(value),
            adjacent: false,
        } = found.then
        else {
            panic!("{:?}", found.then);
        };
        assert_eq!((&text[statement], &text[value]), ("return 0;", "0"));
        assert_eq!(
            place("void f(void) { f(x); }", "f(x)").unwrap().then,
            Then::End
        );
        assert_eq!(
            place("void f(void) { f(x); g(); }", "f(x)").unwrap().then,
            Then::Else
        );
        // The next round of a loop.
        assert_eq!(
            place("void f(void) { while (a) { f(x); } }", "f(x)")
                .unwrap()
                .then,
            Then::Else
        );
    }

    #[test]
    fn what_is_no_statement_of_its_own_has_no_place() {
        for text in [
            "int f(void) { return f(x); }",
            "int f(void) { y = f(x); }",
            "int f(void) { while (a) f(x); }",
            "int f(void) { if (a) f(x); else g(); }",
            "int f(void) {\n#if A\nf(x);\n#endif\n}",
            "#define F f(x);\n",
            "int f(void) { MACRO(f(x)); }",
        ] {
            assert_eq!(place(text, "f(x)"), None, "{text}");
        }
        let labelled = place("int f(void) { end: if (a)\n f(x);\n return 0; }", "f(x)");
        assert!(labelled.is_some_and(|place| matches!(place.then, Then::Return { .. })));
        assert!(place("#if A\nint f(void) { f(x); }\n#endif\n", "f(x)").is_some());
        assert!(place("int f(void) {\n#if A\ng();\n#endif\nf(x);\n}", "f(x)").is_some());
    }

    #[test]
    fn a_body_without_braces_is_told_with_its_condition() {
        let text = "void f(void) { if (a)\n f(x); }";
        let branch = place(text, "f(x)").unwrap().branch.unwrap();
        assert_eq!(&text[branch], "if (a)");
    }
}
