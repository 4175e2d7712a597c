//! What the parameters of a class template stand for where its methods give something away: `Singleton<Engine>::Get()`,
//! and `->` of a project's own pointers.
//!
//! In come a call and the method that it leads to, or a type's text; out goes a type's text with arguments in the place
//! of parameters. Bodies are not looked at again with them.

use super::types::{self, TypeName};
use super::{FnId, Program, Site, TypeId};
use crate::ir::{Callee, Name, StmtKind};

/// How many bases deep the arguments of a template are looked for.
const DEEPEST_BASE: u8 = 4;

/// How much of a call's text can be the name of what is called.
const LONGEST_NAME: usize = 512;

impl Program<'_> {
    /// What a method of a class template gives where it is called, with the unit in which to read it: `Engine &` of
    /// `Singleton<Engine>::Get()`, whose return type is `T &`. `None` where no parameter is in it.
    pub(super) fn result_of_instance(
        &self,
        site: Site,
        target: FnId,
        depth: u8,
    ) -> Option<(String, u32)> {
        let class = self.owner(target)?;
        let text = &self.function(target).return_type;
        // Of other classes of the project nothing tells where their names are to be looked for.
        let is_library = |text: &str| self.type_row(text, self.type_unit(class)).is_some();
        let is_parameter = is_one_of(
            &self.type_def(class).template_params,
            &types::parse(text).base,
        );
        if is_parameter.is_none() && !(self.has_parameter(class, text) && is_library(text)) {
            return None;
        }
        let StmtKind::Call { callee, .. } = &self.function(site.function).stmt(site.stmt).kind
        else {
            return None;
        };
        let unit = self.unit_number(site.function);
        let scope = &self.function(site.function).scope;
        let (args, unit) = match callee {
            Callee::Method { receiver, .. } => {
                let (object, unit) =
                    self.type_of_value_deep(site.function, receiver, depth.checked_sub(1)?)?;
                self.arguments_of(&object, unit, scope, class, DEEPEST_BASE)?
            }
            // The IR has names without the arguments of what qualifies them.
            Callee::Named(_) => match self.qualifier(site) {
                "" => {
                    let own = self.class_name(self.owner(site.function)?);
                    self.arguments_of(&own, unit, scope, class, DEEPEST_BASE)?
                }
                qualifier => self.arguments_of(qualifier, unit, scope, class, DEEPEST_BASE)?,
            },
            _ => return None,
        };
        Some((self.with_arguments(class, text, &args), unit))
    }

    /// Where `->` leads from an object of a project's own class.
    pub(super) fn behind_arrow(
        &self,
        text: &str,
        name: &TypeName,
        unit: u32,
    ) -> Option<(String, u32)> {
        if name.pointers > 0 || !self.names.declared_methods.contains_key("operator->") {
            return None;
        }
        let class = self.class_of_text(text, unit)?;
        let arrow = self
            .type_def(class)
            .methods
            .iter()
            .find(|method| &*method.name == "operator->")?;
        let led = types::pointee(&arrow.return_type);
        if !self.has_parameter(class, led) {
            let is_written = !led.is_empty() && !types::is_inferred(led);
            let led = self.text_in_scope(led, &self.class_name(class));
            return is_written.then(|| (led, self.type_unit(class)));
        }
        Some((self.with_arguments(class, led, &name.args), unit))
    }

    /// What stands before the last `::` of the name that a call writes.
    fn qualifier(&self, site: Site) -> &str {
        let span = self.stmt_span(site);
        let text = &self.sources.file(span.file).text;
        let text = text.get(span.range()).unwrap_or("");
        let (mut depth, mut last) = (0u32, 0);
        for (at, byte) in text.bytes().enumerate().take(LONGEST_NAME) {
            match byte {
                b'<' => depth += 1,
                b'>' => depth = depth.saturating_sub(1),
                b'(' if depth == 0 => return text[..last].trim_start_matches("::"),
                b':' if depth == 0 && text[at..].starts_with("::") => last = at,
                _ => {}
            }
        }
        ""
    }

    /// The arguments of a template in a type that is an instance of it, or derived from one, with the unit in which to
    /// read them. `scope` is where the type is written.
    fn arguments_of(
        &self,
        text: &str,
        unit: u32,
        scope: &str,
        template: TypeId,
        depth: u8,
    ) -> Option<(Vec<String>, u32)> {
        let expanded = self.expand_alias(&self.text_in_scope(text, scope), unit);
        let class = self.class_of_text(&expanded, unit)?;
        if class == template {
            let args = types::parse(&expanded).args;
            let args: Vec<String> = args
                .iter()
                .map(|arg| self.text_in_scope(arg, scope))
                .collect();
            return (!args.is_empty()).then_some((args, unit));
        }
        let def = self.type_def(class);
        // What its own parameters stand for is not followed.
        if !def.template_params.is_empty() {
            return None;
        }
        let unit = self.type_unit(class);
        let depth = depth.checked_sub(1)?;
        let mut bases = def.bases.iter();
        bases.find_map(|base| self.arguments_of(base, unit, &def.scope, template, depth))
    }

    fn has_parameter(&self, class: TypeId, text: &str) -> bool {
        let params = &self.type_def(class).template_params;
        !params.is_empty() && words(text).any(|(_, word)| is_one_of(params, word).is_some())
    }

    /// A type's text with what the class's parameters stand for. A parameter without an argument stays.
    fn with_arguments(&self, class: TypeId, text: &str, args: &[String]) -> String {
        let params = &self.type_def(class).template_params;
        let mut out = String::new();
        let mut behind = 0;
        for (at, word) in words(text) {
            if let Some(arg) = is_one_of(params, word).and_then(|number| args.get(number)) {
                out.push_str(&text[behind..at]);
                out.push_str(arg);
                behind = at + word.len();
            }
        }
        out.push_str(&text[behind..]);
        out
    }
}

fn is_one_of(params: &[Name], word: &str) -> Option<usize> {
    params.iter().position(|param| **param == *word)
}

/// The words of a type's text, with where they begin.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.split(move |c| !is_part(c))
        .filter(|word| !word.is_empty())
        .map(move |word| (word.as_ptr() as usize - text.as_ptr() as usize, word))
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn words_know_where_they_stand() {
        let found: Vec<_> = words("std::shared_ptr<T> const &").collect();
        assert_eq!(
            found,
            [(0, "std"), (5, "shared_ptr"), (16, "T"), (19, "const")]
        );
    }
}
