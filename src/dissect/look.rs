//! A bounded look at bytes of no known protocol: do they read like text, do they look random, or have they a structure?
//!
//! An inference, and never a protection: what looks random may be encrypted or only compressed, and nothing tells the two apart.

use crate::base::{Evidence, Facts, Kind, Sides, What, Window};

/// Octets of a direction that are looked at: eight for each value, where chi-square asks for five.
const MOST: usize = 2048;
/// Up to so many are kept as they are; beyond, only how often each value came.
const MOST_KEPT: usize = 512;
/// Fewer do not say that something is text.
const LEAST_TEXT: usize = 24;
/// Fewer do not say that something is random.
const LEAST_RANDOM: usize = 128;
/// Bounds of chi-square with 255 degrees of freedom: mean 255, standard deviation 22.6. Six of them below, and four and a half above.
const CHI_SQUARE: std::ops::RangeInclusive<u64> = 119..=357;

/// What was looked at so far, of both directions.
#[derive(Debug, Default)]
pub struct Look {
    sides: Sides<Sample>,
    evidence: Option<Evidence>,
}

/// The octets of one direction.
#[derive(Debug, Default)]
struct Sample {
    kept: Vec<u8>,
    counts: Option<Box<[u16; 256]>>,
    looked: usize,
    /// Octets that are text: printable ASCII, white space, and whole characters of UTF-8.
    text: usize,
}

/// What a direction looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Likeness {
    Random,
    Readable,
    Structured,
}

impl Look {
    /// Looks at more bytes; more than a bound are not looked at.
    pub fn add(&mut self, window: &Window<'_>) {
        let sample = self.sides.of_mut(window.dir);
        let room = MOST.saturating_sub(sample.looked).min(window.bytes.len());
        if room == 0 {
            return;
        }
        sample.add(window.bytes.get(..room).unwrap_or_default());
        let frames = window.evidence(0..room);
        match &mut self.evidence {
            Some(evidence) => evidence.join(&frames),
            None => self.evidence = Some(frames),
        }
    }

    /// States what they look like, unless that is known or too few were seen.
    pub fn state(&mut self, facts: &mut Facts) {
        let Some(evidence) = self.evidence.take().filter(|_| !facts.has(Kind::Looks)) else { return };
        let word = match (self.sides.client.likeness(), self.sides.server.likeness()) {
            (Some(Likeness::Readable), _) | (_, Some(Likeness::Readable)) => "readable",
            (Some(Likeness::Random), Some(Likeness::Random) | None) | (None, Some(Likeness::Random)) => "random",
            (None, None) => return,
            _ => "structured",
        };
        facts.infer(What::Looks(word), evidence);
        self.sides = Sides::default();
    }

    /// From now on windows carry the opposite labels.
    pub fn swap_sides(&mut self) {
        self.sides.swap();
    }
}

impl Sample {
    fn add(&mut self, bytes: &[u8]) {
        self.looked = self.looked.saturating_add(bytes.len());
        self.text = self.text.saturating_add(text_in(bytes));
        if self.counts.is_none() && self.kept.len().saturating_add(bytes.len()) <= MOST_KEPT {
            self.kept.extend_from_slice(bytes);
            return;
        }
        let counts = self.counts.get_or_insert_with(|| Box::new([0; 256]));
        count(&std::mem::take(&mut self.kept), counts);
        count(bytes, counts);
    }

    fn likeness(&self) -> Option<Likeness> {
        if self.looked >= LEAST_TEXT && self.text.saturating_mul(5) >= self.looked.saturating_mul(4) {
            return Some(Likeness::Readable);
        }
        if self.looked < LEAST_RANDOM {
            return None;
        }
        Some(if CHI_SQUARE.contains(&self.chi_square()) { Likeness::Random } else { Likeness::Structured })
    }

    /// How far the octets are from being equally frequent (Pearson's chi-square): `256 / n * sum of squares - n`.
    fn chi_square(&self) -> u64 {
        let mut own = [0u16; 256];
        count(&self.kept, &mut own);
        let counts = self.counts.as_deref().unwrap_or(&own);
        let squares: u64 = counts.iter().map(|&count| u64::from(count).saturating_mul(u64::from(count))).sum();
        let n = (self.looked as u64).max(1);
        (squares.saturating_mul(256) / n).saturating_sub(n)
    }
}

/// How many octets are text. A character that is cut at the end does not count, and none beyond ASCII where UTF-8 breaks off early: in
/// random octets it does so at once, and to go on character by character costs more than all else that is done with them.
fn text_in(bytes: &[u8]) -> usize {
    let is_ascii_text = |b: u8| matches!(b, b' '..=b'~' | b'\t' | b'\n' | b'\r');
    let sound = std::str::from_utf8(bytes).map_or_else(|broken| broken.valid_up_to(), str::len);
    if sound < bytes.len() / 2 {
        return how_many(bytes, is_ascii_text);
    }
    bytes.utf8_chunks().map(|chunk| how_many(chunk.valid().as_bytes(), |b| is_ascii_text(b) || b >= 0x80)).sum()
}

/// How many octets are such. In steps whose count fits in an octet: the compiler then does many at once.
fn how_many(bytes: &[u8], is_such: impl Fn(u8) -> bool) -> usize {
    bytes.chunks(255).map(|step| usize::from(step.iter().fold(0u8, |n, &b| n.wrapping_add(u8::from(is_such(b)))))).sum()
}

/// Adds how often each value comes.
fn count(bytes: &[u8], counts: &mut [u16; 256]) {
    for &b in bytes {
        if let Some(count) = counts.get_mut(usize::from(b)) {
            // No more are looked at than fit.
            *count = count.wrapping_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{C, S, in_frame};
    use super::*;
    use crate::base::Dir;

    fn noise(n: usize) -> Vec<u8> {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        (0..n)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_be_bytes()[0]
            })
            .collect()
    }

    fn look(turns: &[(Dir, &[u8])]) -> Vec<String> {
        let (mut look, mut facts) = (Look::default(), Facts::new());
        for (n, (dir, bytes)) in (1..).zip(turns) {
            in_frame(n, *dir, bytes, |w| look.add(w));
        }
        look.state(&mut facts);
        facts.list().iter().map(|f| format!("{:?} {} {:?}", f.what.shown(), f.basis.word(), f.evidence)).collect()
    }

    const TEXT: &[u8] = "Grüße aus dem Netz: a line of text that anyone can read, and an émoji \u{1f600}.\r\n".as_bytes();

    #[test]
    fn text_noise_and_structure_are_told_apart_and_only_inferred() {
        assert_eq!(look(&[(C, TEXT)]), [r#"Text("readable") inferred [#1]"#]);
        for n in [128, 200, 512, 513, 1400, 4096, 9000] {
            assert_eq!(look(&[(C, &noise(n))]), [r#"Text("random") inferred [#1]"#], "{n} octets");
        }
        let records: Vec<u8> = noise(600).chunks(6).flat_map(|chunk| [&[0, 0, 0, 6], chunk].concat()).collect();
        assert_eq!(look(&[(C, &records)]), [r#"Text("structured") inferred [#1]"#]);
        let counter: Vec<u8> = (0..=255).collect();
        assert_eq!(look(&[(C, &counter.repeat(4))]), [r#"Text("structured") inferred [#1]"#], "too even to be random");
    }

    #[test]
    fn what_one_side_says_in_clear_is_not_hidden_by_the_other() {
        let noise = noise(1000);
        assert_eq!(look(&[(C, &noise), (S, TEXT)]), [r#"Text("readable") inferred [#1, #2]"#]);
        assert_eq!(look(&[(C, &noise), (S, b"short")]), [r#"Text("random") inferred [#1, #2]"#]);
        assert_eq!(look(&[(C, &noise), (S, &[7; 200])]), [r#"Text("structured") inferred [#1, #2]"#]);
    }

    #[test]
    fn a_few_octets_say_nothing() {
        assert_eq!(look(&[(C, b"hello"), (S, &noise(100))]), [""; 0]);
        assert_eq!(look(&[]), [""; 0]);
    }

    #[test]
    fn it_does_not_matter_how_the_bytes_were_cut() {
        let noise = noise(3000);
        let whole = look(&[(C, &noise)]);
        let pieces: Vec<(Dir, &[u8])> = noise.chunks(37).map(|chunk| (C, chunk)).collect();
        assert_eq!(look(&pieces).first().map(|said| said.starts_with(r#"Text("random")"#)), Some(true));
        assert_eq!(whole.len(), 1);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_never_panic(random: Vec<(bool, Vec<u8>)>) {
            let turns: Vec<(Dir, &[u8])> = random.iter().map(|(client, bytes)| (if *client { C } else { S }, bytes.as_slice())).collect();
            assert!(look(&turns).len() <= 1);
        }
    }
}
