//! One image file, read to the pixels that a set holds.
//!
//! ```text
//! bytes ─ format by contents ─ decode ─ turn as its orientation mark says ─ lay on white
//!       ─ resize to side × side ─▶ (h, w) if grey, (3, h, w) if color; 8 or 16 bits a value
//! ```
//!
//! An image from outside, which a net is to classify, goes the same way ([`fit_image`]).
//!
//! An image of another size is resized without keeping its proportions, with a triangle filter
//! (bilinear, widened when it shrinks, so that nothing flickers or rings).

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use image::imageops::{self, FilterType};
use image::metadata::Orientation;
use image::{DynamicImage, ImageBuffer, ImageDecoder, ImageFormat, ImageReader, Limits};
use image::{LumaA, Pixel, Rgba};

use super::kind::kind;
use super::{jpeg, raw_file};
use crate::data::deep_range::DeepRange;
use crate::data::{DataError, ImageFault, ImageShape};

/// The most bytes of one image file: the largest photographs have a quarter of it.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// The longest side of an image before it is resized: beyond it lies nothing worth shrinking to
/// 256, and a small file that unpacks to it still fits into memory.
const MAX_DECODED_SIDE: u32 = 8192;

/// The most bytes that decoding one image may take: color with 8192×8192 pixels.
const MAX_DECODED_BYTES: u64 = 256 << 20;

/// An image at the size that the set has.
#[derive(Debug)]
pub(super) struct Decoded {
    pub(super) values: Values,
    pub(super) is_grey: bool,
    /// Whether some pixel was not opaque.
    pub(super) is_transparent: bool,
    /// Whether an orientation mark was followed.
    pub(super) is_turned: bool,
}

/// The values of an image, `(h, w)` if it is grey, `(3, h, w)` if not.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Values {
    Bytes(Vec<u8>),
    Deep(Vec<u16>),
}

/// Whether the image at `path` has 16 bits a value; not where it cannot be read. Of the formats,
/// PNG alone has such, and says so in its 25th byte.
pub(super) fn is_deep(path: &Path) -> bool {
    let mut head = [0; 25];
    let is_read =
        raw_file::open_plain(path).is_ok_and(|mut file| file.read_exact(&mut head).is_ok());
    is_read && head.starts_with(b"\x89PNG") && head[24] == 16
}

/// Reads the image at `path`, at `side`×`side`.
pub(super) fn decode(path: &Path, side: u32) -> Result<Decoded, DataError> {
    let mut bytes = Vec::new();
    // It may grow meanwhile.
    let mut file = open(path)?.take(MAX_FILE_BYTES);
    file.read_to_end(&mut bytes).map_err(|source| unreadable(path, source))?;
    decode_bytes(&bytes, side).map_err(|fault| refused(path, fault))
}

/// Opens a file that is not too large to be read whole.
fn open(path: &Path) -> Result<File, DataError> {
    let file = raw_file::open_plain(path)?;
    let found = file.metadata().map_err(|source| unreadable(path, source))?.len();
    if found > MAX_FILE_BYTES {
        let path = path.to_owned();
        return Err(DataError::TooLarge { path, found, limit: MAX_FILE_BYTES });
    }
    Ok(file)
}

fn unreadable(path: &Path, source: std::io::Error) -> DataError {
    DataError::Io { action: "read", path: path.to_owned(), source }
}

fn refused(path: &Path, fault: ImageFault) -> DataError {
    DataError::Image { path: path.to_owned(), fault }
}

/// The format of a file that begins with `first`.
fn format(first: &[u8]) -> Result<ImageFormat, ImageFault> {
    use ImageFormat::{Bmp, Jpeg, Png, WebP};
    match image::guess_format(first) {
        Ok(format @ (Bmp | Jpeg | Png | WebP)) => Ok(format),
        _ if first.is_empty() => Err(ImageFault::Empty),
        _ => {
            let found = kind(first);
            let is_image = infer::is_image(first);
            Err(if is_image {
                ImageFault::Format { found }
            } else {
                ImageFault::NotAnImage { found }
            })
        }
    }
}

/// A decoder for the image in `bytes`, once its size is within the limits.
fn decoder(bytes: &[u8], format: ImageFormat) -> Result<impl ImageDecoder, ImageFault> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(ImageFault::decode)?;
    let (width, height) = decoder.dimensions();
    if width.max(height) > MAX_DECODED_SIDE {
        return Err(ImageFault::Sides { width, height, limit: MAX_DECODED_SIDE });
    }
    let found = decoder.total_bytes();
    if found > MAX_DECODED_BYTES {
        return Err(ImageFault::Unpacked { found, limit: MAX_DECODED_BYTES });
    }
    Ok(decoder)
}

/// An image as it is to be seen, at the size asked for.
struct Upright {
    image: DynamicImage,
    is_transparent: bool,
    is_turned: bool,
}

/// The image in `bytes`, turned, laid on white, and made so wide and so high.
fn upright(bytes: &[u8], (width, height): (u32, u32)) -> Result<Upright, ImageFault> {
    let format = format(bytes)?;
    let mut decoder = decoder(bytes, format)?;
    let (mut image, orientation) = if format == ImageFormat::Jpeg {
        jpeg::decode(bytes)?
    } else {
        // A mark that cannot be read turns nothing.
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        (DynamicImage::from_decoder(decoder).map_err(ImageFault::decode)?, orientation)
    };
    image.apply_orientation(orientation);
    let (mut image, is_transparent) = on_white(image);
    if (image.width(), image.height()) != (width, height) {
        image = image.resize_exact(width, height, FilterType::Triangle);
    }
    let is_turned = orientation != Orientation::NoTransforms;
    Ok(Upright { image, is_transparent, is_turned })
}

fn decode_bytes(bytes: &[u8], side: u32) -> Result<Decoded, ImageFault> {
    let Upright { image, is_transparent, is_turned } = upright(bytes, (side, side))?;
    let is_grey = !image.color().has_color();
    Ok(Decoded { values: Values::of(image), is_grey, is_transparent, is_turned })
}

/// The pixels, `(c, h, w)`, of an image from outside in `bytes`, as a set of `shape` would hold
/// them: read as the files of a folder are, and made grey where the set is grey. Of values of 16
/// bits those of `range` become 0 to 255.
pub(in crate::data) fn fit_image(
    bytes: &[u8],
    shape: ImageShape,
    range: DeepRange,
) -> Result<Vec<u8>, ImageFault> {
    let ImageShape { channels, height, width } = shape;
    if ![1, 3].contains(&channels) {
        return Err(ImageFault::Channels { channels });
    }
    let found = upright(bytes, (width as u32, height as u32)).map_err(|fault| match fault {
        ImageFault::NotAnImage { found } => ImageFault::NoImage { found },
        fault => fault,
    });
    let mut image = found?.image;
    if channels == 1 {
        image = image.grayscale();
    }
    let is_grey = !image.color().has_color();
    let values = match Values::of(image) {
        Values::Bytes(values) => values,
        Values::Deep(values) => range.narrow(&values)?,
    };
    Ok(if is_grey { values.repeat(channels) } else { values })
}

impl Values {
    fn of(image: DynamicImage) -> Self {
        let color = image.color();
        let is_deep = 8 < color.bits_per_pixel() / u16::from(color.channel_count());
        match (color.has_color(), is_deep) {
            (false, false) => Self::Bytes(image.into_luma8().into_raw()),
            (false, true) => Self::Deep(image.into_luma16().into_raw()),
            (true, false) => Self::Bytes(planes(&image.into_rgb8())),
            (true, true) => Self::Deep(planes(&image.into_rgb16())),
        }
    }
}

/// `(h, w, 3)` as `(3, h, w)`.
fn planes<T: Copy>(pixels: &[T]) -> Vec<T> {
    (0..3).flat_map(|channel| pixels.iter().skip(channel).step_by(3).copied()).collect()
}

/// The image laid on white, and whether that changed it.
fn on_white(image: DynamicImage) -> (DynamicImage, bool) {
    let laid: DynamicImage = match &image {
        DynamicImage::ImageLumaA8(image) => laid(image, LumaA([u8::MAX; 2])).into(),
        DynamicImage::ImageRgba8(image) => laid(image, Rgba([u8::MAX; 4])).into(),
        DynamicImage::ImageLumaA16(image) => laid(image, LumaA([u16::MAX; 2])).into(),
        DynamicImage::ImageRgba16(image) => laid(image, Rgba([u16::MAX; 4])).into(),
        _ => return (image, false),
    };
    let is_changed = laid != image;
    (laid, is_changed)
}

fn laid<P: Pixel>(image: &PixelBuffer<P>, white: P) -> PixelBuffer<P> {
    let mut ground = ImageBuffer::from_pixel(image.width(), image.height(), white);
    imageops::overlay(&mut ground, image, 0, 0);
    ground
}

type PixelBuffer<P> = ImageBuffer<P, Vec<<P as Pixel>::Subpixel>>;

#[cfg(test)]
mod tests {
    use image::{GrayImage, ImageEncoder, Luma, Rgb, RgbImage, RgbaImage};
    use rand::RngExt;

    use super::*;
    use crate::random::{Owner, generator};

    fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    /// A color image of 12×9 that is nowhere smooth.
    fn noise() -> DynamicImage {
        let pixel = |x, y| Rgb([(x * 37 + y * 91) as u8, (x * y * 13) as u8, (y * 53) as u8]);
        RgbImage::from_fn(12, 9, pixel).into()
    }

    fn bytes_of(bytes: &[u8], side: u32) -> Vec<u8> {
        match decode_bytes(bytes, side).unwrap().values {
            Values::Bytes(values) => values,
            Values::Deep(_) => panic!("8 bits a value were given"),
        }
    }

    const FORMATS: [ImageFormat; 4] =
        [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Bmp];

    #[test]
    fn four_formats_are_read_by_their_contents() {
        let image: DynamicImage = GrayImage::from_fn(8, 8, |x, y| Luma([(x * 8 + y) as u8])).into();
        let image = DynamicImage::from(image.to_rgb8());
        let expected = bytes_of(&encoded(&image, ImageFormat::Png), 8);
        for format in FORMATS {
            let found = bytes_of(&encoded(&image, format), 8);
            let far = found.iter().zip(&expected).filter(|(a, b)| 8 < a.abs_diff(**b)).count();
            assert_eq!((found.len(), far), (192, 0), "{format:?}");
        }
    }

    #[test]
    fn a_file_cut_anywhere_is_refused_or_has_lost_no_pixel() {
        for format in FORMATS {
            let bytes = encoded(&noise(), format);
            let whole = bytes_of(&bytes, 9);
            for n in 0..bytes.len() {
                if let Ok(found) = decode_bytes(&bytes[..n], 9) {
                    let is_whole = found.values == Values::Bytes(whole.clone());
                    assert!(is_whole, "{n} of {} bytes, {format:?}", bytes.len());
                }
            }
        }
    }

    #[test]
    fn bytes_changed_by_chance_are_refused_or_decoded_and_no_more() {
        let mut rng = generator(7, Owner::Split, 0);
        for format in FORMATS {
            let bytes = encoded(&noise(), format);
            for _ in 0..150 {
                let mut changed = bytes.clone();
                for _ in 0..rng.random_range(1..5) {
                    let at = rng.random_range(0..changed.len());
                    changed[at] = rng.random();
                }
                if let Ok(found) = decode_bytes(&changed, 9) {
                    let Values::Bytes(values) = found.values else { panic!("8 bits were given") };
                    assert_eq!(values.len(), if found.is_grey { 81 } else { 243 });
                }
            }
        }
    }

    #[test]
    fn transparency_is_laid_on_white() {
        let pixel = |x, _| Rgba([0, 0, 0, [0, 51, 255][(x % 3) as usize]]);
        let image = DynamicImage::from(RgbaImage::from_fn(9, 9, pixel));
        let decoded = decode_bytes(&encoded(&image, ImageFormat::Png), 9).unwrap();
        let Values::Bytes(values) = decoded.values else { panic!("8 bits were given") };
        assert!(decoded.is_transparent);
        assert_eq!((values[..3].to_vec(), values.len()), (vec![255, 204, 0], 243));

        let opaque = DynamicImage::from(noise().to_rgba8());
        let decoded = decode_bytes(&encoded(&opaque, ImageFormat::Png), 9).unwrap();
        assert!(!decoded.is_transparent);
        assert_eq!(
            decoded.values,
            Values::Bytes(bytes_of(&encoded(&noise(), ImageFormat::Png), 9))
        );
    }

    #[test]
    fn sixteen_bits_are_kept() {
        let pixel = |x, y| Luma([1000 + (x + 9 * y) as u16]);
        let image = DynamicImage::from(ImageBuffer::from_fn(9, 9, pixel));
        let decoded = decode_bytes(&encoded(&image, ImageFormat::Png), 9).unwrap();
        assert_eq!(decoded.values, Values::Deep((1000..1081).collect()));
    }

    #[test]
    fn an_orientation_mark_is_followed() {
        // TIFF, little end: one entry, orientation (0x112), short, 1, 6: turn right by a quarter.
        let exif = b"II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
        let image = noise().to_rgb8();
        let (mut plain, mut marked) = (Vec::new(), Vec::new());
        let png = image::codecs::png::PngEncoder::new;
        png(&mut plain).write_image(&image, 12, 9, image::ExtendedColorType::Rgb8).unwrap();
        let mut encoder = png(&mut marked);
        encoder.set_exif_metadata(exif.to_vec()).unwrap();
        encoder.write_image(&image, 12, 9, image::ExtendedColorType::Rgb8).unwrap();

        let turned = DynamicImage::from(image).rotate90();
        let expected = bytes_of(&encoded(&turned, ImageFormat::Png), 9);
        let decoded = decode_bytes(&marked, 9).unwrap();
        assert!(decoded.is_turned && !decode_bytes(&plain, 9).unwrap().is_turned);
        assert_eq!(decoded.values, Values::Bytes(expected));
    }

    #[test]
    fn what_is_no_image_or_too_large_is_refused_with_the_reason() {
        let wide = DynamicImage::from(GrayImage::new(8193, 1));
        for (bytes, text) in [
            (Vec::new(), "is empty (0 bytes)"),
            (b"a,b\n".to_vec(), "is text, and class folders hold images only"),
            (b"GIF89a\x01\0\x01\0".to_vec(), "is a file of type image/gif; convert it to PNG"),
            (b"\x89PNG\r\n\x1a\nrubbish".to_vec(), "cannot be decoded: "),
            (
                encoded(&wide, ImageFormat::Png),
                "is 8193×1 pixels, and a side may have 8192 at most; shrink it",
            ),
        ] {
            let found = decode_bytes(&bytes, 8).unwrap_err().to_string();
            assert!(found.starts_with(text), "{found}");
        }
    }
}
