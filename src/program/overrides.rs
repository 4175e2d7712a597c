//! Who may call a method that overrides one of a base class.

use super::{FnId, Program, Site, TypeId};
use crate::ir::{Callee, Name, StmtKind};
use rustc_hash::FxHashMap;

/// More calls of methods of one name are not looked through.
const MOST_CALLS: usize = 256;

impl Program<'_> {
    /// The calls through a base class of a method that another one overrides, where there are so many overrides that the
    /// calls are led to none of them. None where that is in doubt.
    pub fn calls_of_overridden(&self, function: FnId) -> &[Site] {
        self.overridden[function.0 as usize].get_or_init(|| self.find_calls_of_overridden(function))
    }

    fn find_calls_of_overridden(&self, function: FnId) -> Vec<Site> {
        let body = self.function(function);
        let Some(owner) = self.owner(function).filter(|_| body.has_this) else {
            return Vec::new();
        };
        let bases: Vec<TypeId> = self
            .class_chain(owner)
            .iter()
            .copied()
            .skip(1)
            .filter(|&base| self.is_virtual(base, &body.name))
            .collect();
        if bases.is_empty() {
            return Vec::new();
        }
        let sites = self.method_calls.get_or_init(|| self.find_method_calls());
        let sites = sites.get(&body.name).map_or(&[][..], Vec::as_slice);
        if sites.len() > MOST_CALLS {
            return Vec::new();
        }
        let mut found = Vec::new();
        for &site in sites {
            let StmtKind::Call {
                callee: Callee::Method { receiver, .. },
                args,
            } = &self.function(site.function).stmt(site.stmt).kind
            else {
                continue;
            };
            let targets = self.call(site).map_or(&[][..], |call| &call.targets);
            if !self.accepts(body, args.len(), false)
                || targets.iter().any(|target| target.function == function)
            {
                continue;
            }
            match self.type_of_value(site.function, receiver) {
                Some((text, unit)) => {
                    let class = self.led_class(&text, unit);
                    if class.is_some_and(|class| bases.contains(&class)) {
                        found.push(site);
                    }
                }
                // It may be one of them: then who calls the method is not known.
                None if targets.is_empty() => return Vec::new(),
                None => {}
            }
        }
        found
    }

    fn find_method_calls(&self) -> FxHashMap<Name, Vec<Site>> {
        let mut found: FxHashMap<Name, Vec<Site>> = FxHashMap::default();
        for function in self.ids() {
            for call in self.calls(function) {
                if let StmtKind::Call {
                    callee: Callee::Method { name, .. },
                    ..
                } = &self.function(function).stmt(call.stmt).kind
                {
                    found.entry(name.clone()).or_default().push(Site {
                        function,
                        stmt: call.stmt,
                    });
                }
            }
        }
        found
    }
}
