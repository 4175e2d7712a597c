//! Declarators: which name, which type.

use super::fields::{Fields, NodeField};
use super::{Lowering, names};
use tree_sitter::Node;

/// A declarator taken apart.
#[derive(Debug, Default)]
pub struct Declarator<'n> {
    pub name: Option<Node<'n>>,
    /// `*`, `&`, `[3]`: what the declarator adds to the type.
    pub suffix: String,
    /// The function declarator, where the name is a function's.
    pub function: Option<Node<'n>>,
    /// A pointer to a function.
    pub function_pointer: bool,
    pub array: bool,
    pub pointer: bool,
    /// `auto [a, b]`
    pub bindings: Vec<Node<'n>>,
}

/// The declarators of a declaration: `*p` and `q` of `int *p = 0, q;`.
pub(super) fn all(declaration: Node) -> Vec<Node> {
    let mut cursor = declaration.walk();
    declaration
        .children_by_field_name("declarator", &mut cursor)
        .collect()
}

impl<'t> Lowering<'t> {
    /// Takes a declarator apart; it may be abstract.
    pub(super) fn declarator<'n>(&self, node: Node<'n>) -> Declarator<'n> {
        let mut result = Declarator::default();
        let mut dimensions = String::new();
        let mut at = Some(node);
        let mut steps = 0;
        while let Some(node) = at {
            steps += 1;
            if steps > 100 {
                break;
            }
            at = node.field(NodeField::Declarator);
            match node.kind() {
                "pointer_declarator"
                | "abstract_pointer_declarator"
                | "pointer_type_declarator" => {
                    if result.function.take().is_some() {
                        result.function_pointer = true;
                    } else {
                        result.suffix.push('*');
                    }
                    result.pointer = true;
                }
                "reference_declarator" | "abstract_reference_declarator" => {
                    let double = self.text(node).starts_with("&&");
                    result.suffix.push_str(if double { "&&" } else { "&" });
                    at = at.or_else(|| {
                        node.named_child(node.named_child_count().checked_sub(1)? as _)
                    });
                    if result.function.take().is_some() {
                        result.function_pointer = true;
                    }
                }
                "array_declarator" | "abstract_array_declarator" | "array_type_declarator" => {
                    result.array = true;
                    let size = node.field(NodeField::Size);
                    dimensions.push('[');
                    dimensions.push_str(&names::collapse(size.map_or("", |size| self.text(size))));
                    dimensions.push(']');
                }
                "function_declarator"
                | "abstract_function_declarator"
                | "function_field_declarator" => {
                    result.function = Some(node);
                }
                "operator_cast" => {
                    result.name = Some(node);
                    result.function = at;
                    break;
                }
                "init_declarator" => {}
                "parenthesized_declarator"
                | "attributed_declarator"
                | "abstract_parenthesized_declarator"
                | "parenthesized_type_declarator" => {
                    at = at.or_else(|| {
                        super::children(node)
                            .into_iter()
                            .find(|c| !c.is_extra() && !c.is_error())
                    });
                }
                "structured_binding_declarator" => {
                    result.bindings = super::children(node);
                    break;
                }
                "variadic_declarator" => {
                    at = node.named_child(0);
                }
                "identifier"
                | "field_identifier"
                | "type_identifier"
                | "qualified_identifier"
                | "destructor_name"
                | "operator_name"
                | "template_function"
                | "template_method"
                | "dependent_name"
                | "namespace_identifier"
                | "primitive_type"
                | "this" => {
                    result.name = Some(node);
                    break;
                }
                _ => {
                    at = at.or_else(|| node.named_child(0));
                }
            }
        }
        // A pointer that a call would return is the function's business, not the name's.
        if !dimensions.is_empty() {
            result.suffix.push_str(&dimensions);
        }
        if result.function_pointer {
            result.suffix.push_str("(*)()");
        }
        result
    }

    /// The type of a declaration without its declarators: `const std::thread`.
    pub(super) fn base_type(&self, node: Node) -> String {
        let mut text = String::new();
        for child in super::children(node) {
            if child.kind() == "type_qualifier" {
                let word = self.text(child);
                if matches!(word, "const" | "volatile") && !text.contains(word) {
                    text.push_str(word);
                    text.push(' ');
                }
            } else if child.kind().ends_with("_declarator") || child.kind() == "identifier" {
                break;
            }
        }
        if let Some(ty) = node.field(NodeField::Type) {
            text.push_str(&self.type_name(ty));
        }
        text.trim_end().to_string()
    }

    /// The text of a type node; of a class defined in place, its name.
    pub(super) fn type_name(&self, ty: Node) -> String {
        match ty.kind() {
            "struct_specifier" | "class_specifier" | "union_specifier" | "enum_specifier" => {
                match ty.field(NodeField::Name) {
                    Some(name) => names::collapse(self.text(name)),
                    None if ty.kind() == "enum_specifier" => "int".into(),
                    None => self.anonymous_name(ty),
                }
            }
            "type_descriptor" => {
                let mut text = self.base_type(ty);
                if let Some(declarator) = ty.field(NodeField::Declarator) {
                    text = with_suffix(text, &self.declarator(declarator).suffix);
                }
                text
            }
            _ => {
                let text = names::collapse(self.text(ty));
                match text.strip_prefix("typename ") {
                    Some(rest) => rest.to_string(),
                    None => text,
                }
            }
        }
    }

    /// `{struct 12}` for a class without a name that begins in line 12.
    pub(super) fn anonymous_name(&self, ty: Node) -> String {
        let word = match ty.kind() {
            "union_specifier" => "union",
            "class_specifier" => "class",
            _ => "struct",
        };
        format!("{{{word} {}}}", ty.start_position().row + 1)
    }
}

/// `const char` and `*` give `const char *`.
pub fn with_suffix(base: String, suffix: &str) -> String {
    if suffix.is_empty() {
        base
    } else {
        format!("{base} {suffix}")
    }
}
