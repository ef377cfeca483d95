use super::*;

fn file(image: &DynamicImage, format: ImageFormat) -> ImageFile {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    ImageFile::new(bytes.into_inner())
}

#[test]
fn every_kind_of_file_gives_its_pixels() {
    let square = RgbImage::from_fn(8, 4, |x, _| if x < 4 { Rgb([255, 0, 0]) } else { Rgb([0, 0, 255]) });
    let check = |format, tolerance: u8| {
        let read = pixels(&file(&square.clone().into(), format)).unwrap();
        assert_eq!(read.dimensions(), (8, 4), "{format:?}");
        for (pixel, expected) in read.pixels().zip(square.pixels()) {
            let is_near = pixel.0.iter().zip(expected.0).all(|(a, b)| a.abs_diff(b) <= tolerance);
            assert!(is_near, "{format:?}: {pixel:?} is not {expected:?}");
        }
    };
    check(ImageFormat::Png, 0);
    check(ImageFormat::Bmp, 0);
    check(ImageFormat::Tiff, 0);
    check(ImageFormat::WebP, 0);
    check(ImageFormat::Gif, 8);
    check(ImageFormat::Jpeg, 100);
}

#[test]
fn what_is_transparent_is_white() {
    let mut image = image::RgbaImage::new(1, 2);
    image.put_pixel(0, 0, Rgba([0, 0, 0, 0]));
    image.put_pixel(0, 1, Rgba([0, 100, 200, 255]));
    let read = pixels(&file(&image.into(), ImageFormat::Png)).unwrap();
    assert_eq!(read.into_raw(), [255, 255, 255, 0, 100, 200]);
}

/// A photo that a phone took upright says so in its metadata only.
#[test]
fn a_photo_is_turned_as_its_metadata_says() {
    let lying = RgbImage::from_fn(6, 2, |x, _| if x < 3 { Rgb([255, 255, 255]) } else { Rgb([0, 0, 0]) });
    let jpeg = file(&lying.into(), ImageFormat::Jpeg);
    // Rotated by 90 degrees: the sixth orientation of EXIF.
    let exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let mut bytes = vec![0xff, 0xd8, 0xff, 0xe1, 0, exif.len() as u8 + 2];
    bytes.extend(exif);
    bytes.extend(&jpeg.bytes()[2..]);
    let read = pixels(&ImageFile::new(bytes)).unwrap();
    assert_eq!(read.dimensions(), (2, 6));
    assert!(read.get_pixel(0, 0).0[0] > 200 && read.get_pixel(0, 5).0[0] < 50);
}

#[test]
fn a_file_that_is_no_image_says_so() {
    let check = |bytes: &[u8], expected: &str| {
        assert_eq!(pixels(&ImageFile::new(bytes)).unwrap_err(), expected, "{bytes:?}");
    };
    check(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "it is no PNG, JPEG, WebP, GIF, BMP or TIFF file");
    check(b"\x89PNG\r\n\x1a\nnothing", "the file is damaged");
    check(b"\xff\xd8\xff\xe0", "the file is damaged");
    check(b"BM", "the file is damaged");
    let whole = file(&RgbImage::new(300, 300).into(), ImageFormat::Png);
    check(&whole.bytes()[..whole.bytes().len() / 2], "the file is damaged");
    // A header that promises 65,500 × 65,500 pixels.
    let mut vast = file(&RgbImage::new(1, 1).into(), ImageFormat::Bmp).bytes().to_vec();
    vast[18..22].copy_from_slice(&65_500_u32.to_le_bytes());
    vast[22..26].copy_from_slice(&65_500_u32.to_le_bytes());
    check(&vast, "it is larger than 16384 × 16384 pixels");
    check(b"II*\0\x08\0\0\0", "the file is damaged");
    check(&tiff(65_500, 65_500, 4), "it is larger than 16384 × 16384 pixels");
    // Its pixels are within the bounds. What they are packed into is not, or is not there.
    check(&tiff(16_000, 16_000, u32::MAX), "it is larger than 16384 × 16384 pixels");
    check(&tiff(16_000, 16_000, 4), "the file is damaged");
}

/// A TIFF of grey pixels that are packed into `n_bytes`, of which four are there.
fn tiff(width: u32, height: u32, n_bytes: u32) -> Vec<u8> {
    const LZW: u32 = 5;
    let mut bytes = b"II*\0\x0c\0\0\0\x80\0\0\0".to_vec();
    let entries = [
        (256, width),
        (257, height),
        (258, 8),
        (259, LZW),
        (262, 1),
        (273, 8),
        (277, 1),
        (278, height),
        (279, n_bytes),
    ];
    bytes.extend((entries.len() as u16).to_le_bytes());
    for (tag, value) in entries {
        bytes.extend(u16::to_le_bytes(tag));
        // One number of 32 bits.
        bytes.extend([4, 0, 1, 0, 0, 0]);
        bytes.extend(value.to_le_bytes());
    }
    bytes.extend([0; 4]);
    bytes
}
