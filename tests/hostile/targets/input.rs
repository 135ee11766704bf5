//! Hostile bytes as a source of choices: which numbers, and how honest bytes are altered.

/// Bytes that are read as choices. Where they end, all choices are zero.
pub struct Input<'a>(&'a [u8]);

/// Numbers that lengths and counts are set to.
const EXTREMES: [u64; 8] = [
    0,
    1,
    u64::MAX,
    u64::MAX - 1,
    1 << 63,
    (1 << 63) - 1,
    1 << 32,
    u32::MAX as u64,
];

/// What is put into text: numbers at the ends of types, and what opens and never closes.
const TOKENS: [&str; 12] = [
    "-1",
    "18446744073709551615",
    "18446744073709551616",
    "1e999",
    "-0.0",
    "NaN",
    "[[[[[[[[",
    "{\"a\":",
    "\"",
    ",",
    "\r\n",
    "\u{feff}",
];

/// Alterations that one script makes, at most.
const MAX_ALTERATIONS: usize = 16;

impl<'a> Input<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    /// At most `count` bytes.
    pub fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (head, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        head
    }

    /// All that is left.
    pub fn rest(self) -> &'a [u8] {
        self.0
    }

    /// A number below `end`, which is not zero and fits in 24 bits.
    pub fn below(&mut self, end: usize) -> usize {
        let number = (0..3).fold(0, |number, _| number << 8 | usize::from(self.byte()));
        number % end
    }

    /// Any number: mostly a small one, else near a power of two or at the end of a type.
    pub fn number(&mut self) -> u64 {
        match self.byte() {
            small @ 0..192 => small.into(),
            192..216 => (1 << (self.byte() % 64)) + u64::from(self.byte() % 3) - 1,
            216..240 => EXTREMES[self.below(EXTREMES.len())],
            _ => (0..8).fold(0, |number, _| number << 8 | u64::from(self.byte())),
        }
    }
}

/// Honest bytes, altered as a script says.
pub fn altered(honest: &[u8], script: &[u8]) -> Vec<u8> {
    let mut bytes = honest.to_vec();
    let mut script = Input::new(script);
    for _ in 0..MAX_ALTERATIONS {
        if script.0.is_empty() {
            break;
        }
        alter(&mut bytes, &mut script);
    }
    bytes
}

fn alter(bytes: &mut Vec<u8>, script: &mut Input<'_>) {
    let kind = script.byte() % 10;
    let at = script.below(bytes.len() + 1);
    let end = |script: &mut Input<'_>| (at + 1 + usize::from(script.byte())).min(bytes.len());
    match kind {
        0 => {
            let bit = 1 << (script.byte() % 8);
            bytes.get_mut(at).into_iter().for_each(|byte| *byte ^= bit);
        }
        1 => {
            let value = script.byte();
            bytes.get_mut(at).into_iter().for_each(|byte| *byte = value);
        }
        2 => bytes.truncate(at),
        3 => {
            bytes.drain(at..end(script));
        }
        // Something twice, behind itself or elsewhere.
        4 => {
            let copy = bytes[at..end(script)].to_vec();
            bytes.splice(at..at, copy);
        }
        5 => {
            let copy = bytes[at..end(script)].to_vec();
            let to = script.below(bytes.len() + 1);
            overwrite(bytes, to, &copy);
        }
        6 => {
            let new = usize::from(script.byte());
            let new = script.bytes(new).to_vec();
            bytes.splice(at..at, new);
        }
        // A length or count.
        7 => {
            let number = script.number().to_le_bytes();
            overwrite(bytes, at, &number);
        }
        // Two elements of a field or group in each other's place.
        8 => {
            let [a, b] = [at, script.below(bytes.len() + 1)].map(|at| at / 32 * 32);
            for k in 0..32 {
                if a.max(b) + k < bytes.len() {
                    bytes.swap(a + k, b + k);
                }
            }
        }
        _ => {
            let token = TOKENS[script.below(TOKENS.len())];
            bytes.splice(at..at, token.bytes());
        }
    }
}

fn overwrite(bytes: &mut [u8], at: usize, new: &[u8]) {
    let old = bytes.iter_mut().skip(at);
    old.zip(new).for_each(|(old, new)| *old = *new);
}
