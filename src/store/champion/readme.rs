//! `README.md` of a champion: how it is used in Python and in Rust.

use crate::data::{ImageLabels, Labels, Vocabulary, WordLabels};
use crate::store::champion::card::{ChampionCard, TestCard};

/// The text of a net of images, with a word between two `@` for what differs from champion to champion.
const TEXT: &str = include_str!("readme.md");

/// The same of a net of words.
const TEXT_OF_WORDS: &str = include_str!("readme_of_words.md");

/// A line that many know, of whose words the README asks what follows those that the net knows.
const BEGINNING: &str = "it is a truth universally acknowledged";

/// The text for a champion.
pub(super) fn readme(card: &ChampionCard, labels: &Labels) -> String {
    match labels {
        Labels::Images(labels) => of_images(card, labels),
        Labels::Words(labels) => of_words(card, labels),
    }
}

fn of_words(card: &ChampionCard, labels: &WordLabels) -> String {
    let perplexity = card.test.and_then(|test| test.measure.perplexity);
    let tested =
        perplexity.map(|found| format!(", with a perplexity of {found:.2} on the test text"));
    let is_known = |word: &&str| labels.words.iter().any(|known| known == word);
    let beginning = BEGINNING.split(' ').filter(is_known);
    let text: Vec<&str> = [Vocabulary::EOS].into_iter().chain(beginning).collect();
    let words = [
        ("@ID@", card.id.as_str()),
        ("@TESTED@", &tested.unwrap_or_default()),
        ("@VERSION@", &card.recipe.version),
        ("@TEXT@", &text.join(" ")),
        ("@WORDS@", &labels.words.len().to_string()),
        ("@HIDDEN@", &card.recipe.settings.channels.to_string()),
    ];
    words
        .into_iter()
        .fold(TEXT_OF_WORDS.to_owned(), |text, (word, value)| text.replace(word, value))
}

fn of_images(card: &ChampionCard, labels: &ImageLabels) -> String {
    let [channels, height, width] = labels.image;
    // As Pillow and the crate `image` call them.
    let (mode, pixels) = if channels == 1 { ("L", "luma8") } else { ("RGB", "rgb8") };
    let tested = card.test.as_ref().map(tested).unwrap_or_default();
    let words = [
        ("@ID@", card.id.as_str()),
        ("@TESTED@", &tested),
        ("@VERSION@", &card.recipe.version),
        ("@CLASSES@", &labels.class_names.len().to_string()),
        ("@MODE@", mode),
        ("@PIXELS@", pixels),
        ("@CHANNELS@", &channels.to_string()),
        ("@HEIGHT@", &height.to_string()),
        ("@WIDTH@", &width.to_string()),
        ("@LOW@", &labels.deep[0].to_string()),
        ("@HIGH@", &labels.deep[1].to_string()),
    ];
    words.into_iter().fold(TEXT.to_owned(), |text, (word, value)| text.replace(word, value))
}

fn tested(test: &TestCard) -> String {
    let TestCard { measure, low, high } = test;
    let [accuracy, low, high] = [measure.accuracy, *low, *high].map(|share| 100.0 * share);
    format!(
        ", {accuracy:.1} % of {} test images rightly (95 % within {low:.1} to {high:.1})",
        measure.items
    )
}
