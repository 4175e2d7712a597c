//! Literals and what can be computed from them.

use crate::ir::Value;
use syn::{BinOp, Expr, Lit};

/// The value of a literal; numbers too large for 63 bits keep their bits.
pub(super) fn value(lit: &Lit) -> Value {
    match lit {
        Lit::Int(number) => integer(number.base10_digits()),
        Lit::Bool(flag) => Value::Const(i64::from(flag.value)),
        Lit::Byte(byte) => Value::Const(i64::from(byte.value())),
        Lit::Char(character) => Value::Const(i64::from(u32::from(character.value()))),
        Lit::Str(text) => Value::Text(text.value().into()),
        Lit::ByteStr(text) => Value::Text(String::from_utf8_lossy(&text.value()).into()),
        Lit::CStr(text) => Value::Text(text.value().to_string_lossy().into()),
        _ => Value::Unknown,
    }
}

fn integer(digits: &str) -> Value {
    match digits.parse::<i64>() {
        Ok(number) => Value::Const(number),
        Err(_) => digits
            .parse::<u64>()
            .map_or(Value::Unknown, |number| Value::Const(number as i64)),
    }
}

/// `u32::MAX` and its like.
pub(super) fn limit(name: &str) -> Option<Value> {
    let name = name
        .strip_prefix("std::")
        .or_else(|| name.strip_prefix("core::"))
        .unwrap_or(name);
    Some(Value::Const(match name {
        "u8::MAX" => i64::from(u8::MAX),
        "u16::MAX" => i64::from(u16::MAX),
        "u32::MAX" => i64::from(u32::MAX),
        "u64::MAX" | "usize::MAX" => -1,
        "i32::MAX" => i64::from(i32::MAX),
        "i64::MAX" | "isize::MAX" => i64::MAX,
        _ => return None,
    }))
}

/// `!number`, in the width that the literal's suffix says.
pub(super) fn not(number: i64, operand: &Expr) -> Value {
    let Expr::Lit(literal) = operand else {
        return Value::Const(!number);
    };
    match &literal.lit {
        Lit::Bool(_) => Value::Const(i64::from(number == 0)),
        Lit::Int(literal) => Value::Const(match literal.suffix() {
            "u8" => i64::from(!(number as u8)),
            "u16" => i64::from(!(number as u16)),
            "u32" => i64::from(!(number as u32)),
            _ => !number,
        }),
        _ => Value::Unknown,
    }
}

/// `a | b`: constants are joined, names are listed.
pub(super) fn bit_or(left: Value, right: Value) -> Value {
    if let (Value::Const(left), Value::Const(right)) = (&left, &right) {
        return Value::Const(left | right);
    }
    let mut values = Vec::new();
    for value in [left, right] {
        match value {
            Value::Or(more) => values.extend(more),
            other => values.push(other),
        }
    }
    Value::Or(values)
}

/// Arithmetic on two constants.
pub(super) fn fold(left: &Value, op: &BinOp, right: &Value) -> Value {
    let (Value::Const(left), Value::Const(right)) = (left, right) else {
        return Value::Unknown;
    };
    let result = match op {
        BinOp::Add(_) => left.checked_add(*right),
        BinOp::Sub(_) => left.checked_sub(*right),
        BinOp::Mul(_) => left.checked_mul(*right),
        BinOp::Div(_) => left.checked_div(*right),
        BinOp::Rem(_) => left.checked_rem(*right),
        BinOp::BitXor(_) => Some(left ^ right),
        BinOp::BitAnd(_) => Some(left & right),
        BinOp::Shl(_) => u32::try_from(*right)
            .ok()
            .and_then(|count| left.checked_shl(count)),
        BinOp::Shr(_) => u32::try_from(*right)
            .ok()
            .and_then(|count| left.checked_shr(count)),
        _ => None,
    };
    result.map_or(Value::Unknown, Value::Const)
}
