//! What becomes of a finding: the level of its rule under configuration and flags, and whether it is shown.
//!
//! In come the findings of an analysis and the flags in the order they were written; out go findings with their final
//! level, sorted, and the counts of those that were left out. This is the only place that sets levels.

use super::Config;
use crate::diagnostic::Level;
use crate::rules::page;

/// One of `-D`, `-W`, `-A`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flag {
    pub level: Level,
    pub subject: Subject,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    Rule(&'static str),
    All,
    /// Every rule that would be `warn`.
    Warnings,
}

impl Flag {
    /// Reads what stands behind `-D`, `-W` or `-A`.
    ///
    /// # Errors
    /// A message with the nearest name.
    pub fn new(level: Level, word: &str) -> Result<Flag, String> {
        let subject = match word {
            "all" => Subject::All,
            "warnings" if level == Level::Deny => Subject::Warnings,
            "warnings" => return Err("`warnings` can only be denied: -D warnings".into()),
            _ => Subject::Rule(page::find(word)?),
        };
        Ok(Flag { level, subject })
    }
}

/// A configuration and the flags of the command line, which stand above it.
#[derive(Debug, Clone)]
pub struct Policy<'a> {
    pub config: &'a Config,
    /// In the order of the command line.
    pub flags: &'a [Flag],
    /// `--notes`.
    pub notes: bool,
}

impl Policy<'_> {
    /// The level of a rule at a path: the page's, then `[rules]`, then the last `[[override]]`, then the flags.
    pub fn level(&self, rule: &str, path: &str) -> Level {
        let set_there = self
            .config
            .overrides
            .iter()
            .rev()
            .filter(|over| self.config.holds(&over.paths, path, false))
            .find_map(|over| setting(&over.rules, rule));
        self.flagged(
            rule,
            set_there.unwrap_or_else(|| self.level_in_general(rule)),
        )
    }

    /// The level of a rule where no `[[override]]` says otherwise.
    pub fn general_level(&self, rule: &str) -> Level {
        self.flagged(rule, self.level_in_general(rule))
    }

    /// Whether a rule is on, be it for some paths only.
    pub fn enables(&self, rule: &str) -> bool {
        let overrides = self.config.overrides.iter();
        std::iter::once(self.level_in_general(rule))
            .chain(overrides.filter_map(|over| setting(&over.rules, rule)))
            .any(|level| self.flagged(rule, level) != Level::Allow)
    }

    /// Whether notes are shown.
    pub fn shows_notes(&self) -> bool {
        let warn_all = Flag {
            level: Level::Warn,
            subject: Subject::All,
        };
        self.notes || self.config.notes || self.flags.contains(&warn_all)
    }

    /// The configuration that is in force, flags and defaults written out, as a `tplint.toml`.
    pub fn resolved(&self) -> String {
        use toml::Value;
        let mut document = self.config.document.clone();
        document.insert("notes".into(), self.shows_notes().into());
        if !document.contains_key("quiet") {
            let quiet = super::QUIET.iter().map(|name| Value::from(*name));
            document.insert("quiet".into(), Value::Array(quiet.collect()));
        }
        let names = page::catalogue().iter().map(|(name, _)| *name);
        let levels: toml::Table = names
            .map(|name| (name.to_string(), self.general_level(name).name().into()))
            .collect();
        document.insert("rules".into(), levels.into());
        // A flag stands above what is set for a path.
        let written = document.get_mut("override").and_then(Value::as_array_mut);
        for (written, over) in written.into_iter().flatten().zip(&self.config.overrides) {
            let levels: toml::Table = over
                .rules
                .iter()
                .map(|(rule, level)| {
                    let level = self.flagged(rule, *level).name();
                    ((*rule).to_string(), level.into())
                })
                .collect();
            if let Some(written) = written.as_table_mut() {
                written.insert("rules".into(), levels.into());
            }
        }
        // A table of strings, numbers and lists can be written.
        toml::to_string_pretty(&document).unwrap_or_default()
    }

    fn level_in_general(&self, rule: &str) -> Level {
        setting(&self.config.rules, rule)
            .unwrap_or_else(|| page::of(rule).map_or(Level::Deny, |page| page.level))
    }

    /// A named rule wins over `all`, wherever it stands on the command line. `warnings` is no rule and no group of them
    /// but what is `warn` after all that, as it is for rustc.
    fn flagged(&self, rule: &str, level: Level) -> Level {
        let level = self.named_or_all(rule, level);
        let deny_warnings = self
            .flags
            .iter()
            .any(|flag| flag.subject == Subject::Warnings);
        match level {
            Level::Warn if deny_warnings => Level::Deny,
            level => level,
        }
    }

    fn named_or_all(&self, rule: &str, mut level: Level) -> Level {
        let named = self
            .flags
            .iter()
            .rev()
            .find(|flag| matches!(flag.subject, Subject::Rule(name) if name == rule));
        if let Some(flag) = named {
            return flag.level;
        }
        for flag in self
            .flags
            .iter()
            .filter(|flag| flag.subject == Subject::All)
        {
            level = match flag.level {
                // Asking for all warnings must not make a rule that fails the run harmless.
                Level::Warn => level.max(Level::Warn),
                other => other,
            };
        }
        level
    }
}

fn setting(rules: &[(&'static str, Level)], rule: &str) -> Option<Level> {
    rules
        .iter()
        .find(|(name, _)| *name == rule)
        .map(|(_, level)| *level)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Base;

    const DENIED: &str = "wait_in_dll_main";
    const WARNED: &str = page::UNUSED_SUPPRESSION;

    fn level(text: &str, flags: &[(Level, &str)], rule: &str, path: &str) -> Level {
        let base = Base {
            folder: "/r".into(),
            working: "/r".into(),
        };
        let config = Config::parse(text, base).expect(text);
        let flags: Vec<Flag> = flags
            .iter()
            .map(|(level, word)| Flag::new(*level, word).expect(word))
            .collect();
        let policy = Policy {
            config: &config,
            flags: &flags,
            notes: false,
        };
        let level = policy.level(rule, path);
        assert!(level == Level::Allow || policy.enables(rule));
        level
    }

    #[test]
    fn levels_from_the_page_to_the_command_line() {
        use Level::{Allow, Deny, Warn};
        let rules = "[rules]\nwait_in_dll_main = \"warn\"\n";
        let over = "[rules]\nwait_in_dll_main = \"warn\"\n\
            [[override]]\npaths = [\"old\"]\nrules = { wait_in_dll_main = \"allow\" }\n\
            [[override]]\npaths = [\"old/new\"]\nrules = { wait_in_dll_main = \"deny\" }\n";
        for (text, flags, path, expected) in [
            ("", &[][..], "a.c", Deny),
            (rules, &[], "a.c", Warn),
            (over, &[], "a.c", Warn),
            (over, &[], "old/a.c", Allow),
            (over, &[], "old/new/a.c", Deny),
            (over, &[(Warn, DENIED)], "old/new/a.c", Warn),
            // A group stands above the file, a name above a group, and the last name above the others.
            (rules, &[(Deny, "all")], "a.c", Deny),
            ("", &[(Allow, "all")], "a.c", Allow),
            ("", &[(Warn, "all")], "a.c", Deny),
            (over, &[(Warn, "all")], "old/a.c", Warn),
            ("", &[(Allow, DENIED), (Warn, "all")], "a.c", Allow),
            ("", &[(Warn, DENIED), (Allow, "all")], "a.c", Warn),
            ("", &[(Allow, DENIED), (Warn, DENIED)], "a.c", Warn),
            ("", &[(Warn, "all"), (Allow, "all")], "a.c", Allow),
            // What is warn in the end is denied, wherever the flag stands.
            (rules, &[(Deny, "warnings")], "a.c", Deny),
            (over, &[(Deny, "warnings"), (Warn, "all")], "old/a.c", Deny),
            (over, &[(Deny, "warnings")], "old/a.c", Allow),
            ("", &[(Warn, DENIED), (Deny, "warnings")], "a.c", Deny),
            ("", &[(Deny, "warnings"), (Warn, DENIED)], "a.c", Deny),
            ("", &[(Deny, "warnings"), (Allow, DENIED)], "a.c", Allow),
        ] {
            assert_eq!(
                level(text, flags, DENIED, path),
                expected,
                "{text}{flags:?} {path}"
            );
        }
        assert_eq!(level("", &[], WARNED, "a.c"), Warn);
        assert_eq!(level("", &[(Deny, "warnings")], WARNED, "a.c"), Deny);
        assert!(Flag::new(Warn, "warnings").is_err());
        assert!(Flag::new(Warn, "wait_in_dll").is_err());
    }

    #[test]
    fn the_configuration_in_force_can_be_read_and_is_the_same_again() {
        let text = "exclude = [\"gen\"]\n[rules]\nunguarded_rearm = \"allow\"\n\
            [[override]]\npaths = [\"old\"]\nrules = { wait_in_dll_main = \"allow\" }\n\
            [[api]]\nname = \"f\"\neffect = \"wait\"\n\
            [[module]]\nname = \"m\"\npaths = [\"src\"]\n";
        let resolved = |text: &str, flags: &[Flag]| {
            let config = Config::parse(text, Base::default()).expect(text);
            let policy = Policy {
                config: &config,
                flags,
                notes: false,
            };
            let levels: Vec<Level> = ["a.c", "old/a.c"]
                .into_iter()
                .flat_map(|path| page::catalogue().iter().map(move |(name, _)| (name, path)))
                .map(|(name, path)| policy.level(name, path))
                .collect();
            (policy.resolved(), levels)
        };
        for flags in [
            vec![],
            vec![Flag::new(Level::Warn, "all").unwrap()],
            vec![Flag::new(Level::Deny, DENIED).unwrap()],
        ] {
            let (first, levels) = resolved(text, &flags);
            let (second, same_levels) = resolved(&first, &[]);
            assert_eq!(first, second);
            assert_eq!(levels, same_levels, "{first}");
            assert!(
                first.contains("\"third_party\"") && first.contains("name = \"f\""),
                "{first}"
            );
        }
    }
}
