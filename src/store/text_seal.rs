//! A BLAKE3 of itself as the last field of a JSON text, so that a bit that flipped on disk is told
//! from what was written.
//!
//! ```text
//! {
//!   …
//!   "seal": "…"      BLAKE3 of this text, with these 64 digits as `0`
//! }
//! ```

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::store::Defect;
use crate::store::form::{Refusal, read_form};

/// Hexadecimal digits of a BLAKE3.
const HASH_DIGITS: usize = 64;

/// What stands before and after the seal's digits, where the text ends.
const SEAL_START: &[u8] = b"\"seal\": \"";
const SEAL_END: &[u8] = b"\"\n}\n";

/// A seal that is open: what `seal`, the last field, has before the text is sealed.
pub(super) fn open_seal() -> String {
    "0".repeat(HASH_DIGITS)
}

/// The sealed text of a value whose last field is [`open_seal`].
pub(super) fn sealed_text(open: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = serde_json::to_vec_pretty(open)?;
    bytes.push(b'\n');
    let digits = bytes.len() - SEAL_END.len() - HASH_DIGITS..bytes.len() - SEAL_END.len();
    let seal = blake3::hash(&bytes).to_hex();
    bytes[digits].copy_from_slice(seal.as_bytes());
    Ok(bytes)
}

/// Reads the sealed text of the file `name`, whose latest form is `latest`.
pub(super) fn read_sealed<T: DeserializeOwned>(
    name: &str,
    bytes: &[u8],
    latest: u32,
) -> Result<T, Refusal> {
    if is_sealed(bytes) {
        read_form(name, bytes, latest)
    } else {
        Err(Refusal::Damaged(Defect::Seal { name: name.to_owned() }))
    }
}

/// Whether a text is as it was sealed.
fn is_sealed(bytes: &[u8]) -> bool {
    let Some(text) = bytes.strip_suffix(SEAL_END) else { return false };
    let Some((start, digits)) = text.split_last_chunk::<HASH_DIGITS>() else { return false };
    let mut hasher = blake3::Hasher::new();
    hasher.update(start).update(&[b'0'; HASH_DIGITS]).update(SEAL_END);
    start.ends_with(SEAL_START) && hasher.finalize().to_hex().as_bytes() == digits
}
