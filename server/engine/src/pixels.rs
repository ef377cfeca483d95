//! Image files to pixels, within bounds: whoever sends a file may have made it to harm.

use image::{
    DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, Rgb, RgbImage, Rgba, imageops::FilterType,
};
use std::io::Cursor;
use types::image::{ImageFile, ImageKind};

/// The longest side of an image that is read, in pixels.
const MAX_SIDE: u32 = 16_384;

/// What reading an image may take, in bytes.
const MAX_ALLOCATED: u64 = 512 * 1024 * 1024;

/// Larger images are made smaller at once: no model looks at more.
const LARGE_SIDE: u32 = 4096;

/// The pixels of an image: three bytes each, row by row from the top, as a person would see it. What is transparent is
/// white. The error is a sentence.
pub(crate) fn pixels(file: &ImageFile) -> Result<RgbImage, String> {
    let format = match file.kind() {
        Some(ImageKind::Png) => ImageFormat::Png,
        Some(ImageKind::Jpeg) => ImageFormat::Jpeg,
        Some(ImageKind::Webp) => ImageFormat::WebP,
        Some(ImageKind::Gif) => ImageFormat::Gif,
        Some(ImageKind::Bmp) => ImageFormat::Bmp,
        // Of several pages, the first.
        Some(ImageKind::Tiff) => ImageFormat::Tiff,
        None => return Err("it is no PNG, JPEG, WebP, GIF, BMP or TIFF file".to_owned()),
    };
    read(file.bytes(), format).map_err(|error| match error {
        image::ImageError::Limits(_) => format!("it is larger than {MAX_SIDE} × {MAX_SIDE} pixels"),
        _ => "the file is damaged".to_owned(),
    })
}

fn read(bytes: &[u8], format: ImageFormat) -> Result<RgbImage, image::ImageError> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_ALLOCATED);
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    let orientation = decoder.orientation()?;
    let mut image = DynamicImage::from_decoder(decoder)?;
    if image.width().max(image.height()) > LARGE_SIDE {
        image = image.resize(LARGE_SIDE, LARGE_SIDE, FilterType::Triangle);
    }
    image.apply_orientation(orientation);
    Ok(on_white(image))
}

fn on_white(image: DynamicImage) -> RgbImage {
    if !image.color().has_alpha() {
        return image.into_rgb8();
    }
    let image = image.into_rgba8();
    let mix = |Rgba([red, green, blue, alpha]): &Rgba<u8>| {
        let mix = |channel: u8| {
            let alpha = u16::from(*alpha);
            // At most 255, since it lies between the channel and white.
            ((u16::from(channel) * alpha + 255 * (255 - alpha)) / 255) as u8
        };
        Rgb([mix(*red), mix(*green), mix(*blue)])
    };
    RgbImage::from_fn(image.width(), image.height(), |x, y| mix(image.get_pixel(x, y)))
}

#[cfg(test)]
mod tests;
