//! Moving a unit to other offsets.

use super::{Unit, Var};
use crate::source::Span;

impl Unit {
    /// Replaces every span of the unit by what `map` gives for it.
    pub fn map_spans(&mut self, map: &dyn Fn(Span) -> Span) {
        let one = |span: &mut Span| *span = map(*span);
        let variables = |variables: &mut [Var]| {
            for variable in variables {
                one(&mut variable.span);
            }
        };
        for function in &mut self.functions {
            one(&mut function.span);
            one(&mut function.name_span);
            variables(&mut function.params);
            variables(&mut function.locals);
            for stmt in &mut function.stmts {
                one(&mut stmt.span);
            }
        }
        for def in &mut self.types {
            one(&mut def.span);
            for field in &mut def.fields {
                one(&mut field.span);
            }
            for method in &mut def.methods {
                variables(&mut method.params);
            }
        }
        for object in &mut self.statics {
            one(&mut object.span);
            one(&mut object.name_span);
        }
        for declaration in &mut self.declarations {
            one(&mut declaration.span);
            variables(&mut declaration.params);
        }
        for invocation in &mut self.invocations {
            one(&mut invocation.span);
        }
        for (_, span) in &mut self.linker_options {
            one(span);
        }
        for span in &mut self.opaque {
            one(span);
        }
    }
}
