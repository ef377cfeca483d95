//! Images for a model: a projector's file, what stands for an image in a prompt, and how that gets into a context.

use super::{c_path, last_errors, on_log, pointer_of};
use llama_cpp_2::{
    DecodeError, context::LlamaContext, llama_backend::LlamaBackend, model::LlamaModel, token::LlamaToken,
};
use llama_cpp_sys_2 as sys;
use std::{
    ffi::CStr,
    marker::PhantomData,
    path::Path,
    ptr::{self, NonNull},
    sync::{Mutex, PoisonError},
};

/// The functions in `projector.cpp`, which catch every exception.
mod functions {
    use super::sys::{ggml_log_callback, llama_context, llama_model};
    use std::ffi::c_char;

    #[repr(C)]
    pub(super) struct Projector {
        _private: [u8; 0],
    }

    #[repr(C)]
    pub(super) struct Image {
        _private: [u8; 0],
    }

    unsafe extern "C" {
        pub(super) fn engine_projector_log(callback: ggml_log_callback);
        pub(super) fn engine_projector_bytes(path: *const c_char, is_fused: bool, n_batch: i32) -> u64;
        pub(super) fn engine_projector_new(
            path: *const c_char,
            model: *const llama_model,
            n_threads: i32,
            is_fused: bool,
            n_batch: i32,
            reason: *mut c_char,
            reason_size: usize,
        ) -> *mut Projector;
        pub(super) fn engine_projector_free(projector: *mut Projector);
        pub(super) fn engine_projector_width(projector: *const Projector) -> usize;
        pub(super) fn engine_image_new(
            projector: *const Projector,
            rgb: *const u8,
            width: u32,
            height: u32,
        ) -> *mut Image;
        pub(super) fn engine_image_free(image: *mut Image);
        pub(super) fn engine_image_parts(image: *const Image) -> usize;
        pub(super) fn engine_image_text(image: *const Image, part: usize, n: *mut usize) -> *const i32;
        pub(super) fn engine_image_size(
            image: *const Image,
            part: usize,
            n_rows: *mut usize,
            n_positions: *mut i32,
        );
        pub(super) fn engine_image_is_whole(
            projector: *const Projector,
            image: *const Image,
            part: usize,
        ) -> bool;
        pub(super) fn engine_image_encode(
            projector: *mut Projector,
            image: *const Image,
            part: usize,
            out: *mut f32,
        ) -> i32;
        pub(super) fn engine_image_decode(
            projector: *const Projector,
            target: *mut llama_context,
            image: *const Image,
            part: usize,
            rows: *mut f32,
            first: usize,
            n: usize,
            position: i32,
            sequence: i32,
        ) -> i32;
    }
}

/// The longest explanation of a failure, in bytes.
const REASON_BYTES: usize = 256;

/// What turns images into what a model reads. Freed before the model.
pub(crate) struct Projector<'m> {
    projector: NonNull<functions::Projector>,
    /// Held by whoever encodes.
    encodes: Mutex<()>,
    model: PhantomData<&'m LlamaModel>,
}

// SAFETY: nothing in it belongs to the thread that made it.
unsafe impl Send for Projector<'_> {}
// SAFETY: llama.cpp lets several threads cut images while one encodes, and `encodes` lets only one.
unsafe impl Sync for Projector<'_> {}

/// An image as a model's prompt has it: texts and pieces, in order.
pub(crate) struct CutImage(NonNull<functions::Image>);

// SAFETY: it does not change once it is made, and belongs to no thread.
unsafe impl Send for CutImage {}
// SAFETY: as above.
unsafe impl Sync for CutImage {}

/// What comes next in a prompt with an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ImagePart {
    /// Tokens around pieces.
    Text(Vec<LlamaToken>),
    Piece(PieceSize),
}

/// How large a piece is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PieceSize {
    /// Rows, each of which takes a cell.
    pub(crate) n_rows: usize,
    /// Positions that the text behind it moves on by.
    pub(crate) n_positions: usize,
    /// It cannot be decoded in several steps.
    pub(crate) is_whole: bool,
}

/// What the projector at `path` takes with what computing the largest image needs, by llama.cpp's own account and without reading
/// weights; `None` where it does not say.
pub(crate) fn projector_bytes(
    _backend: &LlamaBackend,
    path: &Path,
    is_fused: bool,
    n_batch: u32,
) -> Result<Option<u64>, String> {
    let (path, n_batch) = (c_path(path)?, i32::try_from(n_batch).unwrap_or(1));
    // SAFETY: `on_log` is a log callback that lives as long as the program, and the path ends in a zero.
    let n_bytes = unsafe {
        functions::engine_projector_log(Some(on_log));
        functions::engine_projector_bytes(path.as_ptr(), is_fused, n_batch)
    };
    Ok(Some(n_bytes).filter(|n| *n > 0))
}

impl<'m> Projector<'m> {
    /// Loads a projector made for `model`. Images of models whose parts see each other get at most `n_batch` tokens. The
    /// error is a sentence.
    pub(crate) fn open(
        model: &'m LlamaModel,
        path: &Path,
        n_threads: u32,
        is_fused: bool,
        n_batch: u32,
    ) -> Result<Self, String> {
        if !path.is_file() {
            return Err("there is no such file".into());
        }
        let path = c_path(path)?;
        let n_threads = i32::try_from(n_threads).unwrap_or(1);
        let n_batch = i32::try_from(n_batch).unwrap_or(1);
        let mut reason = [0_u8; REASON_BYTES];
        // SAFETY: `LlamaModel` is `repr(transparent)` over a wrapper that is `repr(transparent)` over `NonNull`.
        let model = unsafe { ptr::from_ref(model).cast::<NonNull<sys::llama_model>>().read() };
        // SAFETY: `on_log` is a log callback that lives as long as the program; the string ends in a zero and outlives the
        // call, the model outlives the projector, and there is room for as many bytes as are told.
        let projector = unsafe {
            functions::engine_projector_log(Some(on_log));
            functions::engine_projector_new(
                path.as_ptr(),
                model.as_ptr(),
                n_threads,
                is_fused,
                n_batch,
                reason.as_mut_ptr().cast(),
                reason.len(),
            )
        };
        let told = || CStr::from_bytes_until_nul(&reason).map(CStr::to_string_lossy).unwrap_or_default();
        let reason = || Some(told().into_owned()).filter(|it| !it.is_empty()).or_else(last_errors);
        let projector = NonNull::new(projector);
        let projector =
            projector.ok_or_else(|| reason().unwrap_or_else(|| "llama.cpp gave no reason".into()))?;
        Ok(Self { projector, encodes: Mutex::new(()), model: PhantomData })
    }

    /// Cuts an image into what a prompt has of it; `rgb` has three bytes for each of its pixels, row by row. The error is a
    /// sentence.
    pub(crate) fn cut(&self, rgb: &[u8], width: u32, height: u32) -> Result<CutImage, String> {
        let n_pixels = u64::from(width) * u64::from(height);
        if n_pixels == 0 || n_pixels * 3 != rgb.len() as u64 {
            return Err("it has no pixels".to_owned());
        }
        // SAFETY: the projector is alive and there are as many bytes as the size says; they are copied.
        let image =
            unsafe { functions::engine_image_new(self.projector.as_ptr(), rgb.as_ptr(), width, height) };
        let reason = || last_errors().unwrap_or_else(|| "llama.cpp gave no reason".into());
        NonNull::new(image).map(CutImage).ok_or_else(reason)
    }

    /// What stands for an image that this projector cut.
    pub(crate) fn parts(&self, image: &CutImage) -> Vec<ImagePart> {
        // SAFETY: the image is alive.
        let n_parts = unsafe { functions::engine_image_parts(image.0.as_ptr()) };
        (0..n_parts).map(|part| self.part(image, part)).collect()
    }

    /// `part` must be smaller than the number of parts.
    fn part(&self, image: &CutImage, part: usize) -> ImagePart {
        let mut n = 0_usize;
        // SAFETY: the image is alive and has this part.
        let tokens = unsafe { functions::engine_image_text(image.0.as_ptr(), part, &raw mut n) };
        if !tokens.is_null() {
            // SAFETY: llama.cpp says that there are so many, and they live as long as the image.
            let tokens = unsafe { std::slice::from_raw_parts(tokens, n) };
            return ImagePart::Text(tokens.iter().map(|&token| LlamaToken(token)).collect());
        }
        let mut n_positions = 0_i32;
        // SAFETY: as above, and the projector is alive.
        let is_whole = unsafe {
            functions::engine_image_size(image.0.as_ptr(), part, &raw mut n, &raw mut n_positions);
            functions::engine_image_is_whole(self.projector.as_ptr(), image.0.as_ptr(), part)
        };
        let n_positions = usize::try_from(n_positions).unwrap_or(0);
        ImagePart::Piece(PieceSize { n_rows: n, n_positions, is_whole })
    }

    /// Computes the rows of a piece; `None` where llama.cpp could not. `part` must be a piece of `image`, of this size.
    pub(crate) fn encode(&self, image: &CutImage, part: usize, size: PieceSize) -> Option<Vec<f32>> {
        if self.part(image, part) != ImagePart::Piece(size) {
            return None;
        }
        // SAFETY: the projector is alive.
        let width = unsafe { functions::engine_projector_width(self.projector.as_ptr()) };
        let mut rows = vec![0.0; size.n_rows * width];
        let _encodes = self.encodes.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: both are alive, the part is a piece by the check above and `rows` has room for its rows; nobody else encodes.
        let result = unsafe {
            functions::engine_image_encode(self.projector.as_ptr(), image.0.as_ptr(), part, rows.as_mut_ptr())
        };
        (result == 0).then_some(rows)
    }

    /// Decodes `range` of the rows of a piece, which [`Projector::encode`] gave, for a sequence in which the piece begins at
    /// `position`. The range must fit a batch, and be all of a piece that is whole.
    pub(crate) fn decode(
        &self,
        context: &mut LlamaContext<'_>,
        piece: &EncodedPiece<'_>,
        range: std::ops::Range<usize>,
        position: i32,
        sequence: i32,
    ) -> Result<(), DecodeError> {
        // SAFETY: the projector is alive.
        let width = unsafe { functions::engine_projector_width(self.projector.as_ptr()) };
        let context = pointer_of(context).ok_or(DecodeError::NTokensZero)?;
        let is_piece = self.part(piece.image, piece.part) == ImagePart::Piece(piece.size);
        if !is_piece || range.end > piece.size.n_rows || piece.rows.len() != piece.size.n_rows * width {
            return Err(DecodeError::NTokensZero);
        }
        // SAFETY: all of it is alive, the context borrowed exclusively; there are as many rows as the range needs by the check
        // above, and they are only read.
        let result = unsafe {
            functions::engine_image_decode(
                self.projector.as_ptr(),
                context,
                piece.image.0.as_ptr(),
                piece.part,
                piece.rows.as_ptr().cast_mut(),
                range.start,
                range.len(),
                position,
                sequence,
            )
        };
        match std::num::NonZeroI32::new(result) {
            None => Ok(()),
            Some(code) => Err(DecodeError::from(code)),
        }
    }
}

/// A piece with its rows.
pub(crate) struct EncodedPiece<'a> {
    pub(crate) image: &'a CutImage,
    pub(crate) part: usize,
    pub(crate) size: PieceSize,
    pub(crate) rows: &'a [f32],
}

impl Drop for Projector<'_> {
    fn drop(&mut self) {
        // SAFETY: the projector is alive and freed once.
        unsafe { functions::engine_projector_free(self.projector.as_ptr()) }
    }
}

impl Drop for CutImage {
    fn drop(&mut self) {
        // SAFETY: the image is alive and freed once; it does not need its projector for that.
        unsafe { functions::engine_image_free(self.0.as_ptr()) }
    }
}
