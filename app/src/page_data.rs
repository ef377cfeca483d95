//! What a page is rendered with: fetched on the server, sent along, taken up by the browser.
//!
//! All pages share one resource type, whose code would otherwise be in the browser's download once for each
//! type of data. Only the ends know what is inside. It travels as server functions' replies do, in postcard:
//! reading JSON takes three times the code.

use leptos::{
    prelude::*,
    server::codee::{Decoder, Encoder},
};
use serde::{Serialize, de::DeserializeOwned};
use std::{any::Any, future::Future, marker::PhantomData, pin::Pin, sync::Arc};
use types::literal::{from_text, to_text};

use crate::error::AppError;

/// Data of one page, or why there is none. Copy; lives as long as the page.
pub(crate) struct PageData<T> {
    resource: Resource<Erased, AsText>,
    kind: PhantomData<fn() -> T>,
}

impl<T> Clone for PageData<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for PageData<T> {}

impl<T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static> PageData<T> {
    /// Fetches once. The page is sent when the data is there.
    pub(crate) fn once<F>(fetch: fn() -> F) -> Self
    where
        F: Future<Output = Result<T, AppError>> + Send + 'static,
    {
        Self::of(|| None, move |_| fetch())
    }

    /// Fetches for what `source` gives, and again when that changes.
    pub(crate) fn of<F>(
        source: impl Fn() -> Option<String> + Send + Sync + 'static,
        fetch: impl Fn(Option<String>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<T, AppError>> + Send + 'static,
    {
        let source: Box<dyn Fn() -> Option<String> + Send + Sync> = Box::new(source);
        let fetch: Fetch = Box::new(move |key| {
            let data = fetch(key);
            Box::pin(async move { Erased::here(data.await) })
        });
        Self { resource: resource(source, fetch), kind: PhantomData }
    }

    /// The data, as soon as it is there.
    pub(crate) async fn get(self) -> Result<T, AppError> {
        self.resource.await.open()
    }
}

type Fetch = Box<dyn Fn(Option<String>) -> Pin<Box<dyn Future<Output = Erased> + Send>> + Send + Sync>;

fn resource(source: Box<dyn Fn() -> Option<String> + Send + Sync>, fetch: Fetch) -> Resource<Erased, AsText> {
    Resource::new_with_options(source, fetch, true)
}

/// A `Result<T, AppError>` that does not say so.
#[derive(Clone)]
enum Erased {
    /// As it came with the page.
    Sent(Vec<u8>),
    Here {
        value: Arc<dyn Any + Send + Sync>,
        #[cfg(feature = "ssr")]
        encode: fn(&(dyn Any + Send + Sync)) -> postcard::Result<Vec<u8>>,
    },
}

impl Erased {
    fn here<T: Serialize + Send + Sync + 'static>(data: Result<T, AppError>) -> Self {
        Self::Here {
            value: Arc::new(data),
            #[cfg(feature = "ssr")]
            encode: |value| match value.downcast_ref::<Result<T, AppError>>() {
                Some(data) => postcard::to_allocvec(data),
                None => Err(postcard::Error::SerializeBufferFull),
            },
        }
    }

    fn open<T: Clone + DeserializeOwned + 'static>(self) -> Result<T, AppError> {
        match self {
            Self::Sent(bytes) => postcard::from_bytes(&bytes).unwrap_or(Err(AppError::Internal)),
            Self::Here { value, .. } => {
                value.downcast_ref::<Result<T, AppError>>().cloned().unwrap_or(Err(AppError::Internal))
            }
        }
    }
}

/// How [`Erased`] travels: as a string literal in the page.
struct AsText;

impl Encoder<Erased> for AsText {
    type Error = postcard::Error;
    type Encoded = String;

    fn encode(data: &Erased) -> postcard::Result<String> {
        match data {
            Erased::Sent(bytes) => Ok(to_text(bytes)),
            #[cfg(feature = "ssr")]
            Erased::Here { value, encode } => encode(value.as_ref()).map(|bytes| to_text(&bytes)),
            #[cfg(not(feature = "ssr"))]
            Erased::Here { .. } => Ok(String::new()),
        }
    }
}

impl Decoder<Erased> for AsText {
    type Error = std::convert::Infallible;
    type Encoded = str;

    fn decode(text: &str) -> Result<Erased, Self::Error> {
        Ok(Erased::Sent(from_text(text)))
    }
}
