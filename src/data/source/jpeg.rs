//! JPEG, strictly: what a damaged file lacks is not filled in.
//!
//! ```text
//! FF D8 | FF marker length … | FF DA length … entropy-coded data … | … | FF D9
//! start   segments             scan, in which FF is followed by 00 or D0 to D7   end
//! ```
//!
//! The decoder fills the rows that a cut file lacks with grey, and takes data that ends within the
//! last row, or a scan of a progressive image that is missing, for whole. So the end mark is looked
//! for first, and the decoder is told to be strict.

use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, RgbImage};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::data::ImageFault;

/// The image in `bytes`, grey or color, and how it is to be turned. Its sides were checked.
pub(super) fn decode(bytes: &[u8]) -> Result<(DynamicImage, Orientation), ImageFault> {
    check_end(bytes)?;
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(usize::MAX)
        .set_max_height(usize::MAX);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(ImageFault::decode)?;
    let is_grey = decoder.input_colorspace() == Some(ColorSpace::Luma);
    let wanted = if is_grey { ColorSpace::Luma } else { ColorSpace::RGB };
    decoder.set_options(options.jpeg_set_out_colorspace(wanted));
    let pixels = decoder.decode().map_err(ImageFault::decode)?;
    let (width, height) = decoder.dimensions().unwrap_or_default();
    let (width, height) = (width as u32, height as u32);
    let image = if is_grey {
        GrayImage::from_raw(width, height, pixels).map(DynamicImage::from)
    } else {
        RgbImage::from_raw(width, height, pixels).map(DynamicImage::from)
    };
    let image = image.ok_or_else(|| ImageFault::decode("the pixels do not fill it"))?;
    let mark = decoder.exif().and_then(|exif| Orientation::from_exif_chunk(exif));
    Ok((image, mark.unwrap_or(Orientation::NoTransforms)))
}

/// Refuses a file that ends before its end mark.
fn check_end(bytes: &[u8]) -> Result<(), ImageFault> {
    let cut = ImageFault::Cut { found: bytes.len() };
    let mut at = 2;
    // Bytes that are no mark are entropy-coded, or padding.
    while let Some(skipped) = bytes.get(at..).and_then(|rest| rest.iter().position(|&b| b == 0xff))
    {
        at += skipped + 1;
        match bytes.get(at) {
            Some(0xd9) => return Ok(()),
            // An FF of the data, a restart, marks without a segment; of many FF the last counts.
            Some(0x00 | 0x01 | 0xd0..=0xd8) => at += 1,
            Some(0xff) => {}
            Some(_) => match bytes.get(at + 1..at + 3) {
                Some(&[high, low]) => at += 1 + usize::from(u16::from_be_bytes([high, low])),
                _ => return Err(cut),
            },
            None => return Err(cut),
        }
    }
    Err(cut)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::ImageFormat;

    use super::*;

    /// A grey or color image that is not smooth, as JPEG.
    fn photo(side: u32, is_grey: bool) -> Vec<u8> {
        let image = RgbImage::from_fn(side, side, |x, y| {
            image::Rgb([(x * 37 + y * 91) as u8, (x * y) as u8, (y * 53) as u8])
        });
        let image = DynamicImage::from(image);
        let image = if is_grey { image.to_luma8().into() } else { image };
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn a_whole_file_has_the_pixels_of_the_tolerant_decoder() {
        for is_grey in [true, false] {
            let bytes = photo(21, is_grey);
            let tolerant = image::load_from_memory(&bytes).unwrap();
            let (image, orientation) = decode(&bytes).unwrap();
            assert_eq!((image, orientation), (tolerant, Orientation::NoTransforms));
            // Cameras write more behind the image.
            assert!(decode(&[&bytes[..], b"more \xff"].concat()).is_ok());
        }
    }

    #[test]
    fn a_file_cut_anywhere_is_refused() {
        for is_grey in [true, false] {
            let bytes = photo(21, is_grey);
            for n in 2..bytes.len() {
                assert!(decode(&bytes[..n]).is_err(), "{n} of {} bytes", bytes.len());
                // A download that was allotted its space and never came.
                let hole = [&bytes[..n], &vec![0; bytes.len() - n]].concat();
                assert!(n + 2 > bytes.len() || decode(&hole).is_err(), "zeros from {n}");
            }
        }
    }

    #[test]
    fn codes_that_there_are_not_are_refused() {
        let mut bytes = photo(64, false);
        let middle = bytes.len() / 2;
        // FF 00 is eight ones of data, and so many ones are no code.
        bytes[middle..middle + 8].copy_from_slice(&[0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0]);
        assert!(image::load_from_memory(&bytes).is_ok(), "the tolerant decoder fills in");
        assert!(matches!(decode(&bytes), Err(ImageFault::Decode { .. })));
    }
}
