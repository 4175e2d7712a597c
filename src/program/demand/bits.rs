//! Lists of truths as short texts: how many there are, and four to a hexadecimal digit.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

pub fn serialize<S: Serializer>(bits: &[bool], serializer: S) -> Result<S::Ok, S::Error> {
    let mut text = format!("{}:", bits.len());
    text.extend(bits.chunks(4).map(|four| {
        let digit = four
            .iter()
            .enumerate()
            .fold(0, |digit, (place, bit)| digit | u32::from(*bit) << place);
        char::from_digit(digit, 16).unwrap_or('0')
    }));
    serializer.serialize_str(&text)
}

pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<bool>, D::Error> {
    let text = String::deserialize(deserializer)?;
    read(&text).ok_or_else(|| D::Error::custom("no list of truths"))
}

fn read(text: &str) -> Option<Vec<bool>> {
    let (length, digits) = text.split_once(':')?;
    let length: usize = length.parse().ok()?;
    if digits.len() != length.div_ceil(4) {
        return None;
    }
    let mut bits = Vec::with_capacity(length + 3);
    for digit in digits.chars() {
        let digit = digit.to_digit(16)?;
        bits.extend((0..4).map(|place| digit >> place & 1 == 1));
    }
    bits.truncate(length);
    Some(bits)
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn what_is_written_comes_back() {
        for length in 0..20 {
            for seed in 0..40_usize {
                let bits: Vec<bool> = (0..length).map(|bit| seed * 7 % (bit + 2) == 0).collect();
                let json = super::serialize(&bits, serde_json::value::Serializer).unwrap();
                assert_eq!(read(json.as_str().unwrap()), Some(bits));
            }
        }
        for broken in ["", "1", "1:", "5:f", "4:g", "18446744073709551615:0", "x:"] {
            assert_eq!(read(broken), None, "{broken}");
        }
    }
}
