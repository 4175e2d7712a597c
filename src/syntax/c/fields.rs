//! The fields of syntax nodes, by number: to ask for one by its name compares that with all names of the grammar, which
//! took a tenth of the time of lowering.

use std::sync::LazyLock;
use tree_sitter::{Language, Node};

macro_rules! fields {
    ($($field:ident $name:literal),* $(,)?) => {
        /// A field of the grammars of C and C++.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum NodeField {
            $($field),*
        }

        const NAMES: &[&str] = &[$($name),*];
    };
}

fields! {
    Alternative "alternative",
    Argument "argument",
    Arguments "arguments",
    Body "body",
    Captures "captures",
    Condition "condition",
    Consequence "consequence",
    Declarator "declarator",
    DefaultType "default_type",
    DefaultValue "default_value",
    Field "field",
    Function "function",
    Index "index",
    Indices "indices",
    Initializer "initializer",
    Label "label",
    Left "left",
    Name "name",
    Operator "operator",
    Parameters "parameters",
    Pattern "pattern",
    Placement "placement",
    Right "right",
    Size "size",
    Type "type",
    Update "update",
    Value "value",
}

/// The numbers of the fields in one grammar; 0 for one that it does not have.
struct Numbers {
    language: Language,
    numbers: Vec<u16>,
}

impl Numbers {
    fn of(language: Language) -> Numbers {
        let number = |name: &&str| language.field_id_for_name(name).map_or(0, u16::from);
        Numbers {
            numbers: NAMES.iter().map(number).collect(),
            language,
        }
    }
}

static GRAMMARS: LazyLock<[Numbers; 2]> = LazyLock::new(|| {
    [
        Numbers::of(tree_sitter_c::LANGUAGE.into()),
        Numbers::of(tree_sitter_cpp::LANGUAGE.into()),
    ]
});

pub trait Fields<'t> {
    /// The first child in a field.
    fn field(&self, field: NodeField) -> Option<Node<'t>>;
}

impl<'t> Fields<'t> for Node<'t> {
    fn field(&self, field: NodeField) -> Option<Node<'t>> {
        let [c, cpp] = &*GRAMMARS;
        let language = self.language();
        let grammar = if *language == c.language { c } else { cpp };
        self.child_by_field_id(grammar.numbers[field as usize])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_the_one_of_its_name() {
        for (language, text) in [
            (
                tree_sitter_c::LANGUAGE,
                "int f(int a) { if (a) g(a + 1); return s->m; }",
            ),
            (
                tree_sitter_cpp::LANGUAGE,
                "template <int N = 1> int f() { for (int i = 0; i < N; ++i) a[i] = [x] { return x; }; }",
            ),
        ] {
            let language = Language::from(language);
            let known = NAMES.iter();
            let known = known.filter(|name| language.field_id_for_name(name).is_some());
            assert!(known.count() > 20);
            let mut parser = tree_sitter::Parser::new();
            parser.set_language(&language).unwrap();
            let tree = parser.parse(text, None).unwrap();
            let mut nodes = vec![tree.root_node()];
            let mut seen = 0;
            while let Some(node) = nodes.pop() {
                for (field, name) in [
                    (NodeField::Body, "body"),
                    (NodeField::Declarator, "declarator"),
                    (NodeField::Value, "value"),
                    (NodeField::Captures, "captures"),
                    (NodeField::DefaultValue, "default_value"),
                ] {
                    assert_eq!(node.field(field), node.child_by_field_name(name));
                    seen += usize::from(node.field(field).is_some());
                }
                let mut cursor = node.walk();
                nodes.extend(node.children(&mut cursor));
            }
            assert!(seen > 3);
        }
    }
}
