//! What a page is rendered with: fetched on the server, sent along as JSON, taken up by the browser.
//!
//! All pages share one resource type, whose code would otherwise be in the browser's download once for each
//! type of data. Only the ends know what is inside.

use leptos::{
    prelude::*,
    server::codee::{Decoder, Encoder},
};
use serde::{Serialize, de::DeserializeOwned};
use std::{any::Any, future::Future, marker::PhantomData, pin::Pin, sync::Arc};

use crate::error::AppError;

/// Data of one page, or why there is none. Copy; lives as long as the page.
pub(crate) struct PageData<T> {
    resource: Resource<Erased, Json>,
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

fn resource(source: Box<dyn Fn() -> Option<String> + Send + Sync>, fetch: Fetch) -> Resource<Erased, Json> {
    Resource::new_with_options(source, fetch, true)
}

/// A `Result<T, AppError>` that does not say so.
#[derive(Clone)]
enum Erased {
    /// As it came with the page.
    Sent(String),
    Here {
        value: Arc<dyn Any + Send + Sync>,
        #[cfg(feature = "ssr")]
        encode: fn(&(dyn Any + Send + Sync)) -> Result<String, serde_json::Error>,
    },
}

impl Erased {
    fn here<T: Serialize + Send + Sync + 'static>(data: Result<T, AppError>) -> Self {
        Self::Here {
            value: Arc::new(data),
            #[cfg(feature = "ssr")]
            encode: |value| serde_json::to_string(&value.downcast_ref::<Result<T, AppError>>()),
        }
    }

    fn open<T: Clone + DeserializeOwned + 'static>(self) -> Result<T, AppError> {
        match self {
            // Server functions read bytes; reading text as bytes too shares their code.
            Self::Sent(json) => serde_json::from_slice(json.as_bytes()).unwrap_or(Err(AppError::Internal)),
            Self::Here { value, .. } => {
                value.downcast_ref::<Result<T, AppError>>().cloned().unwrap_or(Err(AppError::Internal))
            }
        }
    }
}

/// How [`Erased`] travels.
struct Json;

impl Encoder<Erased> for Json {
    type Error = serde_json::Error;
    type Encoded = String;

    fn encode(data: &Erased) -> Result<String, serde_json::Error> {
        match data {
            Erased::Sent(json) => Ok(json.clone()),
            #[cfg(feature = "ssr")]
            Erased::Here { value, encode } => encode(value.as_ref()),
            #[cfg(not(feature = "ssr"))]
            Erased::Here { .. } => Ok(String::new()),
        }
    }
}

impl Decoder<Erased> for Json {
    type Error = std::convert::Infallible;
    type Encoded = str;

    fn decode(json: &str) -> Result<Erased, Self::Error> {
        Ok(Erased::Sent(json.to_owned()))
    }
}
