//! `POST /v1/predict`: which classes images are of, by a champion's net.

use std::io;

use actix_web::web::{Bytes, Query};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};

use crate::actors::Predict;
use crate::api::command::ask;
use crate::api::routes::State;
use crate::api::wire::{
    ImageFile, MAX_IMAGES, MAX_TOP, PredictQuery, PredictResult, PredictedImage,
};
use crate::api::{Problem, ProblemCode, each_image};
use crate::space::Arch;

/// The path.
pub(super) const PATH: &str = "/v1/predict";

/// An entry of a request: an image with its name, or a name and what is wrong with it.
type Sent = (String, Result<Vec<u8>, &'static str>);

/// Classifies images with the present champion, or with another one that is kept.
#[utoipa::path(post, path = "/v1/predict", tag = "commands", params(PredictQuery),
    request_body(
        description = "an image file (PNG, JPEG, WebP or BMP), or a tar of up to 1000 of them; \
                       at most 32 MiB",
        content((ImageFile = "image/*"), (ImageFile = "application/x-tar"))
    ),
    responses((status = 200, description = "what was found", body = PredictResult))
)]
pub(super) async fn predict(
    state: State,
    query: Query<PredictQuery>,
    request: HttpRequest,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    let PredictQuery { arch, top } = query.into_inner();
    if !(1..=MAX_TOP).contains(&top) {
        let message = format!("`top` is {top}; it must be 1 to {MAX_TOP}");
        return Err(Problem::new(ProblemCode::BadQuery, message, "leave it out for 3"));
    }
    let sent = sent(request.content_type(), &body)?;
    drop(body);
    let id = champion(&state, arch.as_deref()).await?;
    let (files, images): (Vec<_>, Vec<_>) = sent.into_iter().unzip();
    let faults: Vec<Option<&str>> =
        images.iter().map(|image| image.as_ref().err().copied()).collect();
    let images = images.into_iter().flatten().collect();
    let message = Predict { id: id.clone(), images, top };
    let reply = ask(&state, message, state.config.limits.work).await?;
    let mut predictions = reply.predictions.into_iter();
    let images = files.into_iter().zip(faults).filter_map(|(file, fault)| match fault {
        Some(fault) => Some(PredictedImage::failed(file, fault.to_owned())),
        None => predictions.next().map(|found| PredictedImage::new(file, found)),
    });
    let images = images.collect();
    Ok(HttpResponse::Ok().json(PredictResult { id, certified: reply.is_certified, images }))
}

/// The images in a body.
fn sent(content_type: &str, body: &Bytes) -> Result<Vec<Sent>, Problem> {
    let sent = match content_type {
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
    Ok(sent)
}

fn bad(message: String) -> Problem {
    let hint = "send an image with a content type such as `image/png`, or a tar of up to 1000 \
                images with `application/x-tar`";
    Problem::new(ProblemCode::BadBody, message, hint)
}

/// The files in a tar: one more than may be at most.
fn unpacked(tar: &[u8]) -> io::Result<Vec<Sent>> {
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
