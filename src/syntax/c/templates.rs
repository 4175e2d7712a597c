//! Templates: their parameters hide what has the same name outside.

use super::fields::{Fields, NodeField};
use super::{Lowering, children};
use crate::ir::Name;
use tree_sitter::Node;

impl<'t> Lowering<'t> {
    /// Walks a template with its parameters in scope.
    pub(super) fn in_template(&mut self, template: Node, walk: impl FnOnce(&mut Self, Node)) {
        let parameters = self.parameters_of_template(template);
        self.templates.push(parameters);
        walk(self, template);
        self.templates.pop();
    }

    /// Whether the innermost template around the present place has parameters, and no class stands between.
    pub(super) fn in_own_template(&self) -> bool {
        let in_class = self.scope.last().is_some_and(|part| part.class.is_some());
        !in_class && self.templates.iter().any(|names| !names.is_empty())
    }

    /// The names of a template's parameters, and the types that stand for them where nothing is given.
    fn parameters_of_template(&mut self, template: Node) -> Vec<(Name, Option<Name>)> {
        let Some(list) = template.field(NodeField::Parameters) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for parameter in children(list) {
            let mut default = None;
            let name = match parameter.kind() {
                "type_parameter_declaration" | "variadic_type_parameter_declaration" => {
                    parameter.named_child(0)
                }
                "optional_type_parameter_declaration" => {
                    if let Some(ty) = parameter.field(NodeField::DefaultType) {
                        let text = self.type_name(ty);
                        default = Some(self.name(&text));
                    }
                    parameter.field(NodeField::Name)
                }
                _ => parameter
                    .field(NodeField::Declarator)
                    .and_then(|declarator| self.declarator(declarator).name),
            };
            // One without a name is a parameter all the same.
            let name = name.map_or("", |name| self.text(name));
            found.push((self.name(name), default));
        }
        found
    }

    /// The text of a type in which template parameters mean no class of their name: a parameter with a default is the
    /// default, any other gets a mark that no name has.
    pub(super) fn shadowed(&self, text: String) -> String {
        if self.templates.is_empty() {
            return text;
        }
        let known = |word: &str| {
            let parameters = self.templates.iter().rev().flatten();
            // Names in capitals are never taken for a class of the program.
            parameters
                .filter(|_| !super::blank::is_capitals(word.as_bytes()))
                .find(|(name, _)| &**name == word)
        };
        let mut out = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some(start) = rest.find(|c: char| c.is_alphabetic() || c == '_') {
            let (before, word) = rest.split_at(start);
            let end = word
                .find(|c: char| !(c.is_alphanumeric() || c == '_'))
                .unwrap_or(word.len());
            let (word, after) = word.split_at(end);
            out.push_str(before);
            let qualified = out.ends_with("::");
            match known(word).filter(|_| !qualified) {
                Some((_, Some(default))) => out.push_str(default),
                Some((_, None)) => {
                    out.push('$');
                    out.push_str(word);
                }
                None => out.push_str(word),
            }
            rest = after;
        }
        out.push_str(rest);
        out
    }
}
