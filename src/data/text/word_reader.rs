//! The words of a text file, one after the other, with `<eos>` behind each line.
//!
//! Words are what stands between white space, as Unicode has it; a line ends with a line feed, and
//! an empty one is an `<eos>` alone, as the authors of AWD-LSTM (Merity et al., 2018) count. The
//! file is read piece by piece, so a line may be as long as it likes; no word may.

use super::vocabulary::{EOS, LONGEST_WORD};
use crate::data::source::RawFile;
use crate::data::{DataError, TextFault};

/// Bytes that are read at once.
const PIECE: usize = 1 << 16;

/// What some editors write before a text in UTF-8. It is no part of the first word.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Gives `take` every word of `file`, at most `limit` of them, with the number of its line from 1
/// on; how many lines there are. A last line without a line feed is one, too.
pub(super) fn read_words(
    mut file: RawFile,
    limit: usize,
    take: impl FnMut(&str, u64) -> Result<(), TextFault>,
) -> Result<u64, DataError> {
    let path = file.path().to_owned();
    let failed = |fault| DataError::Text { path: path.clone(), fault };
    let mut lines = Lines { take, limit, count: 0, ended: 0, is_open: false };
    // What is not cut into words yet, and where in the file it begins.
    let (mut bytes, mut start) = (Vec::new(), 0);
    let mut piece = Vec::new();
    loop {
        file.piece(&mut piece, PIECE)?;
        let is_last = piece.is_empty();
        bytes.extend_from_slice(&piece);
        if start == 0 && bytes.starts_with(BYTE_ORDER_MARK) {
            start += bytes.drain(..BYTE_ORDER_MARK.len()).len() as u64;
        }
        let text = decoded(&bytes, is_last)
            .map_err(|at| failed(TextFault::NotUtf8 { offset: start + at as u64 }))?;
        let end = if is_last { text.len() } else { end_of_words(text) };
        lines.cut(&text[..end]).map_err(failed)?;
        if is_last {
            return lines.finish().map_err(failed);
        }
        start += bytes.drain(..end).len() as u64;
        // A letter that is cut has three bytes at most.
        if LONGEST_WORD + 3 < bytes.len() {
            return Err(failed(lines.long_word()));
        }
    }
}

/// The text of `bytes`, but for a letter that is cut at their end where they are not the `last`;
/// the place of the first byte that is no text.
fn decoded(bytes: &[u8], is_last: bool) -> Result<&str, usize> {
    let text = match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() && !is_last => {
            std::str::from_utf8(&bytes[..error.valid_up_to()])
        }
        text => text,
    };
    text.map_err(|error| error.valid_up_to())
}

/// Where the last white space of `text` ends: the word behind it may go on.
fn end_of_words(text: &str) -> usize {
    text.rmatch_indices(char::is_whitespace).next().map_or(0, |(at, space)| at + space.len())
}

/// Where the reader is, and who takes the words.
struct Lines<F> {
    take: F,
    limit: usize,
    /// Words given.
    count: usize,
    /// Lines that have ended.
    ended: u64,
    /// Whether there is something of the next line.
    is_open: bool,
}

impl<F: FnMut(&str, u64) -> Result<(), TextFault>> Lines<F> {
    /// Gives the words of `text`, which ends with white space or with the file.
    fn cut(&mut self, text: &str) -> Result<(), TextFault> {
        for line in text.split_inclusive('\n') {
            self.is_open = true;
            line.split_whitespace().try_for_each(|word| self.give(word))?;
            if line.ends_with('\n') {
                self.end_line()?;
            }
        }
        Ok(())
    }

    /// Ends the last line; how many there are.
    fn finish(&mut self) -> Result<u64, TextFault> {
        if self.is_open {
            self.end_line()?;
        }
        Ok(self.ended)
    }

    fn end_line(&mut self) -> Result<(), TextFault> {
        self.give(EOS)?;
        self.ended += 1;
        self.is_open = false;
        Ok(())
    }

    fn give(&mut self, word: &str) -> Result<(), TextFault> {
        let line = self.ended + 1;
        if LONGEST_WORD < word.len() {
            return Err(self.long_word());
        }
        if self.count == self.limit {
            return Err(TextFault::LongText { limit: self.limit, line });
        }
        self.count += 1;
        (self.take)(word, line)
    }

    fn long_word(&self) -> TextFault {
        TextFault::LongWord { line: self.ended + 1, limit: LONGEST_WORD }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words of `bytes` with their lines.
    fn words(bytes: &[u8], limit: usize) -> Result<String, String> {
        let mut found = Vec::new();
        let file = RawFile::in_memory("a".as_ref(), bytes.to_vec()).unwrap();
        let lines = read_words(file, limit, |word, line| {
            found.push(format!("{line}:{word}"));
            Ok(())
        });
        lines.map(|lines| format!("{} {lines}", found.join(" "))).map_err(|error| error.to_string())
    }

    #[track_caller]
    fn check(bytes: &[u8], expected: &str) {
        assert_eq!(words(bytes, usize::MAX).unwrap(), expected);
    }

    #[test]
    fn every_line_ends_with_its_mark() {
        check(b" the cat \r\n\n sat\tdown\n", "1:the 1:cat 1:<eos> 2:<eos> 3:sat 3:down 3:<eos> 3");
        check(b"the cat", "1:the 1:cat 1:<eos> 1");
        check("\u{feff}le\u{3000}chat noir\u{a0}\n".as_bytes(), "1:le 1:chat 1:noir 1:<eos> 1");
        check(b"\xef\xbb\xbf", " 0");
        check(b"", " 0");
    }

    #[test]
    fn pieces_cut_neither_a_word_nor_a_letter() {
        // Words of 5 bytes with a space, whose letters have two bytes, so that pieces cut both.
        for before in 0..7 {
            let text = " ".repeat(before) + &"éé1 ".repeat(3 * PIECE / 6);
            let found = words(text.as_bytes(), usize::MAX).unwrap();
            assert_eq!(found, "1:éé1 ".repeat(3 * PIECE / 6) + "1:<eos> 1");
        }
    }

    #[track_caller]
    fn check_fault(bytes: &[u8], text: &str) {
        assert_eq!(words(bytes, 4).unwrap_err(), text);
    }

    #[test]
    fn what_is_no_text_is_refused_with_its_place() {
        let mend = "save it as plain text in UTF-8";
        check_fault(
            b"the\ncaf\xe9 ",
            &format!("`a` is no UTF-8 at byte 7 of the text in it; {mend}"),
        );
        let text = format!("`a` is no UTF-8 at byte 0 of the text in it; {mend}");
        check_fault(b"\xff\xfet\0h\0e\0", &text);
        // A letter that is cut by the end of the file.
        check_fault(b"caf\xc3", &format!("`a` is no UTF-8 at byte 3 of the text in it; {mend}"));
        let spaces = [&b" ".repeat(2 * PIECE)[..], b"\xff"].concat();
        let at = format!("`a` is no UTF-8 at byte {} of the text in it; {mend}", 2 * PIECE);
        check_fault(&spaces, &at);
    }

    #[test]
    fn a_word_has_a_thousand_bytes_at_most() {
        let word = "a".repeat(LONGEST_WORD);
        check(word.as_bytes(), &format!("1:{word} 1:<eos> 1"));
        let fault = "`a` has a word of more than 1000 bytes in line 2; expected words with spaces \
                     between them, so put spaces there, or give a text";
        check_fault(format!("the\n{word}a cat").as_bytes(), fault);
        // It is not kept until it ends.
        check_fault(&[b"the\n", &vec![0; 20 * PIECE][..]].concat(), fault);
    }

    #[test]
    fn a_text_has_as_many_words_as_it_may() {
        assert!(words(b"a b\nc", 5).is_ok());
        check_fault(b"a b\nc", "`a` has more than 4 words by line 2; make it shorter");
    }
}
