//! The JSON schema of `tplint.toml`, for editors: made from the types that read the file, so that it cannot differ.

use super::{Written, WrittenLevel};
use crate::api::Row;
use crate::rules::page::{self, capitalised};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};
use std::borrow::Cow;

/// The schema, in the draft that editors know best.
pub fn schema() -> String {
    let generator = SchemaSettings::draft07().into_generator();
    let schema = generator.into_root_schema_for::<Written>();
    // Maps with keys that are no strings are all that can fail, and there is none.
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

/// Levels by the name of the rule.
pub(super) struct Levels;

impl JsonSchema for Levels {
    fn schema_name() -> Cow<'static, str> {
        "Levels".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let level = Value::from(generator.subschema_for::<WrittenLevel>());
        let rules = page::catalogue().iter().map(|(name, page)| {
            let summary = format!(
                "{}. Default: {}.",
                capitalised(page.summary),
                page.level.name()
            );
            // Beside a reference other members do not count in this draft.
            let rule = json!({ "description": summary, "allOf": [level] });
            ((*name).to_string(), rule)
        });
        json_schema!({
            "type": "object",
            "properties": rules.collect::<Map<String, Value>>(),
            "additionalProperties": false,
        })
    }
}

/// A row of `[[api]]` with its short forms: `effect` with a kind or one effect in place of the list `effects`, and a
/// wait that needs no class.
pub(super) struct ShortRow;

impl JsonSchema for ShortRow {
    fn schema_name() -> Cow<'static, str> {
        "ApiRow".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut row = Row::json_schema(generator);
        let mut effect = crate::api::EffectRow::json_schema(generator);
        let mut words: Vec<Value> = Vec::new();
        let kinds = effect.get_mut("oneOf").and_then(Value::as_array_mut);
        for kind in kinds.into_iter().flatten() {
            let word = kind["properties"]["kind"]["const"].clone();
            let Some(required) = kind["required"].as_array_mut() else {
                continue;
            };
            if word == "wait" {
                required.retain(|member| member != "class");
            }
            // A kind that asks for nothing more can stand for itself.
            if required.iter().all(|member| member == "kind") {
                words.push(word);
            }
        }
        row.insert(
            "anyOf".into(),
            json!([{ "required": ["effects"] }, { "required": ["effect"] }]),
        );
        if let Some(required) = row.get_mut("required").and_then(Value::as_array_mut) {
            required.retain(|member| member != "effects");
        }
        let properties = row.get_mut("properties").and_then(Value::as_object_mut);
        if let Some(properties) = properties {
            let short = json!({
                "description": "Short for `effects` with one entry.",
                "anyOf": [{ "enum": words }, effect],
            });
            properties.insert("effect".into(), short);
        }
        row
    }
}
