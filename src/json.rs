//! JSON from outside, read in the one form in which it is written.
//!
//! `serde` reads more than it writes: an array in place of an object, capital digits in place of small
//! ones. Of a name that occurs twice it keeps the last. What two readers take for two things is no
//! proof of either: [`read`] takes one form, and [`unique_names`] refuses the second name.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )
)]
use crate::text::quoted;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, Error, MapAccess, SeqAccess, Visitor},
};
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, fmt};

/// Reads what `serde_json` writes of a value, but for blanks and the order of fields.
///
/// # Errors
/// Says what is wrong.
pub fn read<T: DeserializeOwned + Serialize>(text: &[u8]) -> Result<T, String> {
    let fail = |error: serde_json::Error| error.to_string();
    let value: T = serde_json::from_slice(text).map_err(fail)?;
    let written = serde_json::to_vec(&value).map_err(fail)?;
    let [found, expected] = [text, &written].map(serde_json::from_slice::<Content>);
    match found.map_err(fail)? == expected.map_err(fail)? {
        true => Ok(value),
        false => Err(
            "it is not in the form in which it is written: objects have all their fields by name, \
             hexadecimal digits are small"
                .to_owned(),
        ),
    }
}

/// Checks that no object in a text has two fields of one name.
///
/// # Errors
/// Names the field.
pub fn unique_names(text: &[u8]) -> Result<(), String> {
    match serde_json::from_slice::<Content>(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

/// A hash of what JSON says, however it is spelled: the value itself would take many times the memory
/// of its text.
#[derive(PartialEq)]
struct Content([u8; 32]);

impl Content {
    /// Of a value of this kind, its parts hashed by the caller.
    fn of(kind: u8, parts: impl FnOnce(&mut Sha256)) -> Self {
        let mut hash = Sha256::new();
        hash.update([kind]);
        parts(&mut hash);
        Self(hash.finalize().into())
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Hasher)
    }
}

struct Hasher;

impl<'de> Visitor<'de> for Hasher {
    type Value = Content;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Content, A::Error> {
        let mut fields = BTreeMap::new();
        while let Some(name) = map.next_key::<String>()? {
            if fields.contains_key(&name) {
                let name = quoted(&name);
                return Err(A::Error::custom(format!("two fields have the name {name}")));
            }
            let value = map.next_value::<Content>()?;
            fields.insert(name, value);
        }
        Ok(Content::of(b'{', |hash| {
            for (name, value) in fields {
                hash.update(Content::of(b'"', |hash| hash.update(&name)).0);
                hash.update(value.0);
            }
        }))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Content, A::Error> {
        let mut hash = Sha256::new();
        while let Some(item) = items.next_element::<Content>()? {
            hash.update(item.0);
        }
        Ok(Content::of(b'[', |all| all.update(hash.finalize())))
    }

    fn visit_unit<E>(self) -> Result<Content, E> {
        Ok(Content::of(b'0', |_| ()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Content, E> {
        Ok(Content::of(b'?', |hash| hash.update([u8::from(value)])))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Content, E> {
        Ok(Content::of(b'i', |hash| hash.update(value.to_le_bytes())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Content, E> {
        Ok(Content::of(b'u', |hash| hash.update(value.to_le_bytes())))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Content, E> {
        Ok(Content::of(b'f', |hash| hash.update(value.to_le_bytes())))
    }

    fn visit_str<E>(self, value: &str) -> Result<Content, E> {
        Ok(Content::of(b'"', |hash| hash.update(value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Thing {
        name: String,
        #[serde(with = "hex")]
        hash: Vec<u8>,
        part: Option<Part>,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "snake_case")]
    enum Part {
        One { value: i64 },
        Many(Vec<i64>),
    }

    #[test]
    fn one_form_is_read() {
        let thing = |part| Thing {
            name: "a \\\" b".to_owned(),
            hash: vec![0xab],
            part,
        };
        for part in [
            None,
            Some(Part::One { value: -1 }),
            Some(Part::Many(vec![1, 2])),
        ] {
            let thing = thing(part);
            let text = serde_json::to_string(&thing).unwrap();
            assert_eq!(read(text.as_bytes()), Ok(thing));
            // Blanks and the order of fields change nothing.
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            let spaced = text.replace(",\"", " ,\n\t\"").replace(":{", " :\r { ") + "\n";
            for other in [spaced, value.to_string()] {
                let read = read::<Thing>(other.as_bytes()).unwrap();
                assert_eq!(serde_json::to_value(read).unwrap(), value);
            }
        }
    }

    #[test]
    fn other_forms_are_refused() {
        let honest = r#"{"name":"n","hash":"ab","part":{"one":{"value":1}}}"#;
        assert!(read::<Thing>(honest.as_bytes()).is_ok());
        for (what, text) in [
            ("an array", r#"["n","ab",{"one":{"value":1}}]"#),
            (
                "an array inside",
                r#"{"name":"n","hash":"ab","part":{"one":[1]}}"#,
            ),
            (
                "a capital",
                r#"{"name":"n","hash":"AB","part":{"one":{"value":1}}}"#,
            ),
            ("a field that is left out", r#"{"name":"n","hash":"ab"}"#),
            (
                "a name twice",
                r#"{"name":"n","name":"n","hash":"ab","part":null}"#,
            ),
            (
                "blanks in a string",
                r#"{"name":"n","hash":"a b","part":null}"#,
            ),
            ("more behind it", r#"{"name":"n","hash":"ab","part":null}1"#),
        ] {
            assert!(read::<Thing>(text.as_bytes()).is_err(), "{what}");
        }
    }

    #[test]
    fn second_names_are_found() {
        let unique = r#"{"a":{"a":1,"b":[{"a":null},{"a":-0.5}]},"b":"a","c":true,"d":-1}"#;
        assert_eq!(unique_names(unique.as_bytes()), Ok(()));
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"b":[{"x":{"a":1,"b":2,"a":3}}]}"#,
            r#"{"a":1,"\u0061":1}"#,
        ] {
            let error = unique_names(text.as_bytes()).unwrap_err();
            assert!(error.contains("two fields have the name \"a\""), "{error}");
        }
        assert!(unique_names(b"{\"a\":").is_err());
    }
}
