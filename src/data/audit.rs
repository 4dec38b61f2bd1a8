//! What the images of a split are held to: that they differ, and which classes they show.

use crate::data::note::N_EXAMPLES;
use crate::data::{DataError, DataNote, ImageSet};

/// Refuses a set whose pixels are all equal.
pub(super) fn check_spread(set: &ImageSet) -> Result<(), DataError> {
    let mut buffer = Vec::new();
    let value = set.read(0, &mut buffer)?[0];
    for idx in 0..set.len() {
        if set.read(idx, &mut buffer)?.iter().any(|&pixel| pixel != value) {
            return Ok(());
        }
    }
    Err(DataError::NoSpread { path: set.origin().to_owned(), value })
}

/// The classes that have no image in `set`, which is the `split` of that name; `None` where each
/// has one.
pub(super) fn classes_without(
    split: &'static str,
    set: &ImageSet,
    class_names: &[String],
) -> Option<DataNote> {
    let mut has_image = vec![false; class_names.len()];
    set.labels().iter().for_each(|&label| has_image[usize::from(label)] = true);
    let without = class_names.iter().zip(has_image).filter(|(_, has_image)| !has_image);
    let without: Vec<&String> = without.map(|(name, _)| name).collect();
    let names = without.iter().take(N_EXAMPLES).map(|&name| name.clone()).collect();
    let note = DataNote::ClassesWithout { split: split.to_owned(), count: without.len(), names };
    (!without.is_empty()).then_some(note)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::ImageShape;

    /// Images with these labels, whose pixels all are their label.
    fn set(labels: &[u16]) -> ImageSet {
        let shape = ImageShape { channels: 1, height: 8, width: 8 };
        let pixels = labels.iter().flat_map(|&label| [label as u8; 64]).collect();
        ImageSet::new("here", shape, pixels, labels.to_vec()).unwrap()
    }

    #[test]
    fn a_split_without_any_difference_is_refused() {
        assert!(check_spread(&set(&[7, 7, 8])).is_ok());
        let text = check_spread(&set(&[7, 7])).unwrap_err().to_string();
        assert!(text.starts_with("every pixel of `here` is 7: "), "{text}");
    }

    #[test]
    fn classes_without_an_image_are_named_and_counted() {
        let names: Vec<String> = (0..14).map(|class| format!("c{class}")).collect();
        assert_eq!(classes_without("test", &set(&[2, 0, 1]), &names[..3]), None);
        let note = classes_without("test", &set(&[0, 2]), &names[..3]).unwrap();
        assert_eq!(note.to_string(), "classes without a test image: 1, `c1`");
        let text = classes_without("test", &set(&[0]), &names).unwrap().to_string();
        assert!(text.ends_with("`c9`, `c10` and 3 more"), "{text}");
    }
}
