//! Everything one page is told, merged into one stream.

use crate::{error::AppError, i18n::Locale, reasons::Told};
use futures::{Stream, StreamExt, stream::BoxStream};
use leptos::server_fn::BoxedStream;
use state::AppState;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_stream::{StreamMap, wrappers::ReceiverStream};
use types::{
    chat::ChatEvent,
    ids::{SessionId, UserId},
    live::{LiveCommand, LiveEvent},
};

/// A page that does not read so many events is gone or stuck; its stream ends and it asks again.
const EVENTS: usize = 256;
/// The page takes a longer silence for a lost connection.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// Who looks at a page.
#[derive(Clone, Copy)]
pub(super) struct Reader {
    pub(super) user: UserId,
    pub(super) locale: Locale,
}

/// Events for a reader's page, until the page leaves or stops reading.
pub(super) fn feed(
    state: AppState,
    reader: Reader,
    commands: BoxedStream<LiveCommand, AppError>,
) -> impl Stream<Item = Result<LiveEvent, AppError>> + Send + 'static {
    let (events, stream) = mpsc::channel(EVENTS);
    let page = Page { outlet: Outlet { state, reader, events }, chat: StreamMap::new() };
    tokio::spawn(page.run(commands));
    ReceiverStream::new(stream)
}

/// One page's connection.
struct Page {
    outlet: Outlet,
    /// The watched session, if there is one.
    chat: StreamMap<SessionId, BoxStream<'static, ChatEvent>>,
}

/// The way to the page.
struct Outlet {
    state: AppState,
    reader: Reader,
    events: mpsc::Sender<Result<LiveEvent, AppError>>,
}

/// The page left or does not read.
struct Gone;

impl Page {
    async fn run(mut self, commands: BoxedStream<LiveCommand, AppError>) {
        // An `Err` only says that nobody listens any more.
        _ = self.serve(commands).await;
    }

    async fn serve(&mut self, mut commands: BoxedStream<LiveCommand, AppError>) -> Result<(), Gone> {
        let Self { outlet, chat } = self;
        let mut models = outlet.state.engine.status();
        let mut jobs = outlet.state.jobs.watch();
        let mut library = outlet.state.models.changes();
        let mut sessions = outlet.state.chat.sessions_changed(outlet.reader.user);
        let mut heartbeat = tokio::time::interval(HEARTBEAT);
        outlet.send_models(models.borrow_and_update().clone())?;
        outlet.send_jobs().await?;
        loop {
            tokio::select! {
                command = commands.next() => match command {
                    Some(Ok(LiveCommand::Watch { session })) => outlet.watch(chat, session),
                    Some(Err(_)) | None => return Ok(()),
                },
                Some((session, event)) = chat.next() => outlet.send(LiveEvent::Chat { session, event: Box::new(event) })?,
                Ok(()) = models.changed() => outlet.send_models(models.borrow_and_update().clone())?,
                Ok(()) = jobs.changed() => outlet.send_jobs().await?,
                Ok(()) = library.changed() => outlet.send(LiveEvent::LibraryChanged)?,
                Ok(()) = sessions.changed() => outlet.send(LiveEvent::SessionsChanged)?,
                _ = heartbeat.tick() => outlet.send(LiveEvent::System { sample: outlet.state.system.latest() })?,
            }
        }
    }
}

impl Outlet {
    fn watch(
        &self,
        chat: &mut StreamMap<SessionId, BoxStream<'static, ChatEvent>>,
        session: Option<SessionId>,
    ) {
        chat.clear();
        if let Some(session) = session {
            chat.insert(session, self.state.chat.watch(self.reader.user, session).boxed());
        }
    }

    fn send_models(&self, models: types::model::Residents) -> Result<(), Gone> {
        self.send(LiveEvent::Models { models })
    }

    async fn send_jobs(&self) -> Result<(), Gone> {
        match self.state.jobs.list(self.reader.user).await {
            Ok(jobs) => self.send(LiveEvent::Jobs { jobs }),
            Err(err) => {
                tracing::warn!(error = %err, "could not list jobs for a page");
                Ok(())
            }
        }
    }

    fn send(&self, mut event: LiveEvent) -> Result<(), Gone> {
        event.tell(self.reader.locale);
        self.events.try_send(Ok(event)).map_err(|_| Gone)
    }
}
