//! NPY files, arrays of NumPy: a magic word, the version, the length of the header, the header, which is a
//! dictionary in Python's notation, and the values.
use std::io::Read;

const MAGIC: [u8; 6] = *b"\x93NUMPY";
/// Longest header. NumPy writes some 120 bytes.
const MAX_HEADER: u32 = 1 << 12;

/// Numbers of one type.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Values {
    Bytes(Vec<u8>),
    Integers(Vec<i64>),
    Floats(Vec<f64>),
}

/// Values and the axes that they have.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Array {
    pub(super) axes: Vec<u64>,
    pub(super) values: Values,
}

/// The types that are read, little-endian.
#[derive(Debug, Clone, Copy)]
enum Kind {
    U1,
    I4,
    I8,
    F4,
    F8,
}

impl Kind {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "|u1" => Self::U1,
            "<i4" => Self::I4,
            "<i8" => Self::I8,
            "<f4" => Self::F4,
            "<f8" => Self::F8,
            _ => return None,
        })
    }

    fn bytes(self) -> usize {
        match self {
            Self::U1 => 1,
            Self::I4 | Self::F4 => 4,
            Self::I8 | Self::F8 => 8,
        }
    }

    fn values(self, bytes: Vec<u8>) -> Values {
        match self {
            Self::U1 => Values::Bytes(bytes),
            Self::I4 => Values::Integers(each(&bytes, |b| i32::from_le_bytes(b).into())),
            Self::I8 => Values::Integers(each(&bytes, i64::from_le_bytes)),
            Self::F4 => Values::Floats(each(&bytes, |b| f32::from_le_bytes(b).into())),
            Self::F8 => Values::Floats(each(&bytes, f64::from_le_bytes)),
        }
    }
}

fn each<const N: usize, T>(bytes: &[u8], value: impl Fn([u8; N]) -> T) -> Vec<T> {
    let (whole, _) = bytes.as_chunks();
    whole.iter().map(|chunk| value(*chunk)).collect()
}

/// Reads an array; `count` says of its axes how many values it has.
///
/// # Errors
/// What is wrong, and what to do.
pub(super) fn read(
    mut reader: impl Read,
    count: impl FnOnce(&[u64]) -> Result<usize, String>,
) -> Result<Array, String> {
    let header = header(&mut reader)?;
    let Header { kind, axes } = Header::parse(&header)?;
    let count = count(&axes)?;
    let len = count.checked_mul(kind.bytes()).ok_or("it is too large")?;
    let mut bytes = Vec::new();
    let fail = |error: std::io::Error| format!("it cannot be read or unpacked: {error}");
    reader
        .by_ref()
        .take(len as u64)
        .read_to_end(&mut bytes)
        .map_err(fail)?;
    if bytes.len() < len {
        let found = bytes.len() / kind.bytes();
        return Err(format!(
            "it ends behind {found} of {count} values, as its shape {axes:?} says: it was cut"
        ));
    }
    match reader.read(&mut [0]).map_err(fail)? {
        0 => Ok(Array {
            axes,
            values: kind.values(bytes),
        }),
        _ => Err(format!(
            "more bytes follow than the {count} values of its shape {axes:?}"
        )),
    }
}

/// The header's text.
fn header(reader: &mut impl Read) -> Result<String, String> {
    let mut take = |len: u32| {
        let mut bytes = Vec::new();
        let read = reader.by_ref().take(len.into()).read_to_end(&mut bytes);
        match read {
            Ok(read) if read == len as usize => Ok(bytes),
            Ok(_) => Err("it ends within its header: it was cut".to_owned()),
            Err(error) => Err(format!("it cannot be read or unpacked: {error}")),
        }
    };
    let start = take(8)?;
    let Some([major, _]) = start.strip_prefix(&MAGIC) else {
        return Err(format!("it begins with {start:?}: it is no NPY array"));
    };
    let len = match major {
        1 => take(2)?
            .iter()
            .rev()
            .fold(0, |len, b| len << 8 | u32::from(*b)),
        2 | 3 => take(4)?
            .iter()
            .rev()
            .fold(0, |len, b| len << 8 | u32::from(*b)),
        _ => return Err(format!("its version is {major}; 1, 2 and 3 are read")),
    };
    if len > MAX_HEADER {
        return Err(format!(
            "its header has {len} bytes; at most {MAX_HEADER} are read"
        ));
    }
    String::from_utf8(take(len)?).map_err(|_| "its header is no text".to_owned())
}

struct Header {
    kind: Kind,
    axes: Vec<u64>,
}

impl Header {
    /// A dictionary of exactly the names that NumPy writes, each once, in any order.
    fn parse(text: &str) -> Result<Self, String> {
        let refuse = |rest: &str| {
            let rest: String = rest.chars().take(40).collect();
            format!("its header cannot be read at {rest:?}: save it with numpy.savez")
        };
        let (mut kind, mut axes, mut rows_first) = (None, None, None);
        let mut parser = Parser(text);
        let mut again = parser.skip("{");
        while again && !parser.skip("}") {
            let name = parser.quoted();
            let value = match (name, parser.skip(":")) {
                (Some("descr"), true) if kind.is_none() => {
                    kind = parser.quoted();
                    kind.is_some()
                }
                (Some("fortran_order"), true) if rows_first.is_none() => {
                    rows_first = parser.flag().map(|fortran| !fortran);
                    rows_first.is_some()
                }
                (Some("shape"), true) if axes.is_none() => {
                    axes = parser.tuple();
                    axes.is_some()
                }
                _ => false,
            };
            let more = parser.skip(",");
            again = value && (more || parser.0.trim_start().starts_with('}'));
        }
        let (Some(name), Some(axes), Some(rows_first), true, true) =
            (kind, axes, rows_first, again, parser.0.trim().is_empty())
        else {
            return Err(refuse(parser.0));
        };
        let Some(kind) = Kind::named(name) else {
            return Err(format!(
                "its type is {}; take one of u1, i4, i8, f4 and f8, little-endian",
                crate::text::quoted(name)
            ));
        };
        match rows_first || axes.len() < 2 {
            true => Ok(Self { kind, axes }),
            false => Err("it is in Fortran's order: save numpy.ascontiguousarray of it".to_owned()),
        }
    }
}

/// What is left of a text.
struct Parser<'a>(&'a str);

impl<'a> Parser<'a> {
    /// Whether this comes next, which is skipped.
    fn skip(&mut self, token: &str) -> bool {
        match self.0.trim_start().strip_prefix(token) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    fn quoted(&mut self) -> Option<&'a str> {
        let quote = if self.skip("'") {
            '\''
        } else if self.skip("\"") {
            '"'
        } else {
            return None;
        };
        let (text, rest) = self.0.split_once(quote)?;
        self.0 = rest;
        Some(text)
    }

    fn flag(&mut self) -> Option<bool> {
        if self.skip("True") {
            return Some(true);
        }
        self.skip("False").then_some(false)
    }

    fn tuple(&mut self) -> Option<Vec<u64>> {
        if !self.skip("(") {
            return None;
        }
        let mut numbers = Vec::new();
        while !self.skip(")") {
            let text = self.0.trim_start();
            let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (number, rest) = text.split_at_checked(digits)?;
            numbers.push(number.parse().ok()?);
            self.0 = rest;
            if !self.skip(",") && !self.0.trim_start().starts_with(')') {
                return None;
            }
        }
        Some(numbers)
    }
}
