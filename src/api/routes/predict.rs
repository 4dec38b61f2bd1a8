//! `POST /v1/predict`: which classes images are of, or how likely a text is, by a champion's net.

use std::io;

use actix_web::web::{Bytes, Query};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};

use crate::actors::{Predict, PredictWords};
use crate::api::command::ask;
use crate::api::routes::State;
use crate::api::wire::{
    ImageFile, MAX_IMAGES, MAX_NEXT_WORDS, MAX_TEXT_BYTES, MAX_TEXT_WORDS, MAX_TOP, PredictQuery,
    PredictResult, Predicted, PredictedImage, TextFile, TextResult,
};
use crate::api::{Problem, ProblemCode, each_image};
use crate::space::Arch;

/// The path.
pub(super) const PATH: &str = "/v1/predict";

/// An entry of a request: an image with its name, or a name and what is wrong with it.
type SentImage = (String, Result<Vec<u8>, &'static str>);

/// What a request brings.
enum Sent {
    Images(Vec<SentImage>),
    Text(Vec<u8>),
}

/// Classifies images, or predicts the words of a text, with the present champion or with another
/// one that is kept: its net reads the one or the other.
#[utoipa::path(post, path = "/v1/predict", tag = "commands", params(PredictQuery),
    request_body(
        description = "an image file (PNG, JPEG, WebP or BMP), or a tar of up to 1000 of them; \
                       at most 32 MiB; or a text of up to 50000 words in UTF-8, with spaces \
                       between the words and a line feed at the end of each line; at most 1 MiB",
        content(
            (ImageFile = "image/*"),
            (ImageFile = "application/x-tar"),
            (TextFile = "text/plain")
        )
    ),
    responses((status = 200, description = "what was found", body = Predicted))
)]
pub(super) async fn predict(
    state: State,
    query: Query<PredictQuery>,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    let PredictQuery { arch, top, words } = checked(query.into_inner())?;
    let sent = sent(request.content_type(), &body)?;
    drop(body);
    let id = champion(&state, arch.as_deref()).await?;
    let predicted = match sent {
        Sent::Images(images) => Predicted::Images(classified(&state, id, images, top).await?),
        Sent::Text(text) => Predicted::Text(read(&state, id, text, words.unwrap_or(0)).await?),
    };
    Ok(HttpResponse::Ok().json(predicted))
}

/// What images are of.
async fn classified(
    state: &State,
    id: String,
    sent: Vec<SentImage>,
    top: usize,
) -> Result<PredictResult, Problem> {
    let (files, images): (Vec<_>, Vec<_>) = sent.into_iter().unzip();
    let faults: Vec<Option<&str>> =
        images.iter().map(|image| image.as_ref().err().copied()).collect();
    let images = images.into_iter().flatten().collect();
    let message = Predict { id: id.clone(), images, top };
    let reply = ask(state, message, state.config.limits.work).await?;
    let mut predictions = reply.predictions.into_iter();
    let images = files.into_iter().zip(faults).filter_map(|(file, fault)| match fault {
        Some(fault) => Some(PredictedImage::failed(file, fault.to_owned())),
        None => predictions.next().map(|found| PredictedImage::new(file, found)),
    });
    Ok(PredictResult { id, certified: reply.is_certified, images: images.collect() })
}

/// What a net makes of a text.
async fn read(
    state: &State,
    id: String,
    text: Vec<u8>,
    n_next: usize,
) -> Result<TextResult, Problem> {
    let message = PredictWords { id: id.clone(), text, n_next, limit: MAX_TEXT_WORDS };
    let reply = ask(state, message, state.config.limits.work).await?;
    Ok(TextResult::new(id, reply.is_certified, reply.prediction))
}

/// The query, whose numbers are within their limits.
fn checked(query: PredictQuery) -> Result<PredictQuery, Problem> {
    for (name, found, most, default) in
        [("top", Some(query.top), MAX_TOP, "3"), ("words", query.words, MAX_NEXT_WORDS, "none")]
    {
        if let Some(found) = found.filter(|found| !(1..=most).contains(found)) {
            let message = format!("`{name}` is {found}; it must be 1 to {most}");
            let hint = format!("leave it out for {default}");
            return Err(Problem::new(ProblemCode::BadQuery, message, hint));
        }
    }
    Ok(query)
}

/// What is in a body.
fn sent(content_type: &str, body: &Bytes) -> Result<Sent, Problem> {
    let sent = match content_type {
        "text/plain" if MAX_TEXT_BYTES < body.len() => {
            let message = format!("the text has {} bytes, of at most {MAX_TEXT_BYTES}", body.len());
            let hint = "send it in parts, or take the champion away and let `enasctl predict \
                        --model` read it";
            return Err(Problem::new(ProblemCode::BodyTooLarge, message, hint));
        }
        "text/plain" => return Ok(Sent::Text(body.to_vec())),
        "application/x-tar" => {
            unpacked(body).map_err(|error| bad(format!("the tar is broken: {error}")))?
        }
        image if image.starts_with("image/") => vec![("image".to_owned(), Ok(body.to_vec()))],
        "" => return Err(bad("the head does not say what the body is".to_owned())),
        other => return Err(bad(format!("the body is said to be `{other}`"))),
    };
    if sent.is_empty() {
        return Err(bad("there is no image in the tar".to_owned()));
    }
    if MAX_IMAGES < sent.len() {
        return Err(bad(format!("there are more than {MAX_IMAGES} images in the tar")));
    }
    Ok(Sent::Images(sent))
}

fn bad(message: String) -> Problem {
    let hint = "send an image with a content type such as `image/png`, a tar of up to 1000 images \
                with `application/x-tar`, or a text with `text/plain`";
    Problem::new(ProblemCode::BadBody, message, hint)
}

/// The files in a tar: one more than may be at most.
fn unpacked(tar: &[u8]) -> io::Result<Vec<SentImage>> {
    let mut sent = Vec::new();
    each_image(tar, |name, content| {
        let mut image = Vec::new();
        let image = match content {
            Ok(content) => content.read_to_end(&mut image).map(|_| Ok(image))?,
            Err(fault) => Err(fault),
        };
        sent.push((name, image));
        Ok(sent.len() <= MAX_IMAGES)
    })?;
    Ok(sent)
}

/// The id of the champion that is asked for: the present one where none is named.
async fn champion(state: &State, arch: Option<&str>) -> Result<String, Problem> {
    let Some(arch) = arch else {
        let finals = &state.status().finals;
        return match (&finals.champion, &finals.retraining) {
            (Some(champion), _) => Ok(champion.id.clone()),
            (None, Some(under_way)) => Err(none_yet(&format!(
                ": {} of {} nets of the first candidates are trained",
                under_way.trials, under_way.of
            ))),
            (None, None) => Err(none_yet("")),
        };
    };
    let folder = state.config.champions.clone();
    let kept = state.read(move || Ok(folder.list()?)).await?;
    if kept.is_empty() {
        return Err(none_yet(""));
    }
    let id = arch.parse::<Arch>()?.id();
    if kept.contains(&id) {
        return Ok(id);
    }
    let hint = format!("kept are {}", kept.join(", "));
    Err(Problem::new(ProblemCode::UnknownArch, format!("{id} is no champion that is kept"), hint))
}

fn none_yet(why: &str) -> Problem {
    let hint = "wait for the end of the first cycle and the training of its candidates; with \
                `final.candidates = 0` none is trained, so set it to 1 or more and start again";
    Problem::new(ProblemCode::NoChampion, format!("there is no champion yet{why}"), hint)
}
