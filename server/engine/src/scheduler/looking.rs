//! Looking at images. A piece of an image is encoded on a thread beside the scheduler's, while others' answers go on, and
//! what came of it is decoded in slices between their steps.

use crate::{
    llama::{CutImage, EncodedPiece, PieceSize, Projector},
    prompt::images::{Piece, PieceKey},
};
use llama_cpp_2::{DecodeError, context::LlamaContext};
use protocol::Tenant;
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::{
        Arc, Weak,
        mpsc::{Receiver, Sender, channel},
    },
    time::Duration,
};

/// What encoded pieces that nobody is about to look at may take, in bytes.
const MAX_KEPT_BYTES: usize = 256 * 1024 * 1024;

/// So many pieces of a prompt are encoded before they are looked at.
const AHEAD: usize = 2;

/// How long the scheduler waits for a piece before it looks whether something else came.
const PATIENCE: Duration = Duration::from_millis(5);

/// Whose piece it is: nobody else learns that it was seen before.
type Name = (Tenant, PieceKey);

/// A piece to encode. Nobody needs it any more once its image is gone.
pub(crate) struct Job {
    name: Name,
    image: Weak<CutImage>,
    part: usize,
    size: PieceSize,
}

/// What came of a piece: `None` where llama.cpp could not encode it, or nobody needs it.
pub(crate) struct Encoded {
    name: Name,
    rows: Option<Arc<[f32]>>,
}

/// Encodes what comes until nobody sends any more. For a thread of its own.
pub(crate) fn encode_all(projector: &Projector<'_>, jobs: &Receiver<Job>, encoded: &Sender<Encoded>) {
    while let Ok(Job { name, image, part, size }) = jobs.recv() {
        let rows = image.upgrade().and_then(|image| projector.encode(&image, part, size));
        if encoded.send(Encoded { name, rows: rows.map(Arc::from) }).is_err() {
            return;
        }
    }
}

/// What the two threads say to each other.
pub(crate) struct Beside {
    pub(crate) jobs: Receiver<Job>,
    pub(crate) encoded: Sender<Encoded>,
}

/// The scheduler's side.
pub(crate) struct Looking<'m> {
    projector: &'m Projector<'m>,
    jobs: Sender<Job>,
    encoded: Receiver<Encoded>,
    under_way: BTreeSet<Name>,
    failed: BTreeSet<Name>,
    kept: BTreeMap<Name, Kept>,
    n_uses: u64,
}

struct Kept {
    rows: Arc<[f32]>,
    /// Larger is more recent.
    last_use: u64,
}

/// How far a piece is.
pub(crate) enum Sight {
    Coming,
    Failed,
    Here(Arc<[f32]>),
}

impl<'m> Looking<'m> {
    /// With the other thread's ends of the channels.
    pub(crate) fn new(projector: &'m Projector<'m>) -> (Self, Beside) {
        let (jobs, jobs_there) = channel();
        let (encoded_there, encoded) = channel();
        let looking = Self {
            projector,
            jobs,
            encoded,
            under_way: BTreeSet::new(),
            failed: BTreeSet::new(),
            kept: BTreeMap::new(),
            n_uses: 0,
        };
        (looking, Beside { jobs: jobs_there, encoded: encoded_there })
    }

    /// Takes note of what was encoded, and sends off what running prompts need next. `wanted` are the pieces that each of
    /// them has not looked at, in order.
    pub(crate) fn go_on<'p, P>(&mut self, wanted: impl Iterator<Item = (Tenant, P)>)
    where
        P: Iterator<Item = &'p Piece>,
    {
        self.note_encoded();
        let mut needed = BTreeSet::new();
        for (tenant, pieces) in wanted {
            for piece in pieces.take(AHEAD) {
                needed.insert((tenant, piece.key));
                self.send_off(tenant, piece);
            }
        }
        self.failed.retain(|name| needed.contains(name));
        self.trim(&needed);
    }

    fn note_encoded(&mut self) {
        while let Ok(encoded) = self.encoded.try_recv() {
            self.note(encoded);
        }
    }

    fn note(&mut self, Encoded { name, rows }: Encoded) {
        self.under_way.remove(&name);
        self.n_uses += 1;
        match rows {
            Some(rows) => {
                self.kept.insert(name, Kept { rows, last_use: self.n_uses });
            }
            None => {
                self.failed.insert(name);
            }
        }
    }

    fn send_off(&mut self, tenant: Tenant, piece: &Piece) {
        let name = (tenant, piece.key);
        if self.kept.contains_key(&name) || self.failed.contains(&name) || !self.under_way.insert(name) {
            return;
        }
        let job = Job { name, image: Arc::downgrade(&piece.image), part: piece.part, size: piece.size };
        if self.jobs.send(job).is_err() {
            // The thread is gone, which only happens at the end or where it panicked.
            self.under_way.remove(&name);
            self.failed.insert(name);
        }
    }

    /// Keeps what is not needed within its bound.
    fn trim(&mut self, needed: &BTreeSet<Name>) {
        let bytes = |kept: &Kept| kept.rows.len() * size_of::<f32>();
        let mut n_bytes: usize = self.kept.values().map(bytes).sum();
        while n_bytes > MAX_KEPT_BYTES {
            let others = self.kept.iter().filter(|(name, _)| !needed.contains(name));
            let Some(oldest) = others.min_by_key(|(_, kept)| kept.last_use).map(|(name, _)| *name) else {
                return;
            };
            n_bytes -= self.kept.remove(&oldest).as_ref().map_or(0, bytes);
        }
    }

    /// Whether it is known what a piece looks like, or that it cannot be known.
    pub(crate) fn is_known(&self, tenant: Tenant, piece: &Piece) -> bool {
        let name = (tenant, piece.key);
        self.kept.contains_key(&name) || self.failed.contains(&name)
    }

    /// How far a piece is that was wanted.
    pub(crate) fn sight(&mut self, tenant: Tenant, piece: &Piece) -> Sight {
        let name = (tenant, piece.key);
        self.n_uses += 1;
        match self.kept.get_mut(&name) {
            Some(kept) => {
                kept.last_use = self.n_uses;
                Sight::Here(kept.rows.clone())
            }
            None if self.failed.contains(&name) => Sight::Failed,
            None => Sight::Coming,
        }
    }

    /// Something is being encoded.
    pub(crate) fn is_busy(&self) -> bool {
        !self.under_way.is_empty()
    }

    /// Waits a moment for what is being encoded.
    pub(crate) fn wait(&mut self) {
        if let Ok(encoded) = self.encoded.recv_timeout(PATIENCE) {
            self.note(encoded);
        }
    }

    /// Forgets what a tenant's images look like.
    pub(crate) fn forget(&mut self, tenant: Tenant) {
        self.kept.retain(|name, _| name.0 != tenant);
    }

    /// Puts these rows of a piece into the context, for the sequence in which it is.
    pub(crate) fn decode(
        &self,
        context: &mut LlamaContext<'_>,
        piece: &Piece,
        rows: &[f32],
        range: Range<usize>,
        sequence: usize,
    ) -> Result<(), DecodeError> {
        let encoded = EncodedPiece { image: &piece.image, part: piece.part, size: piece.size, rows };
        self.projector.decode(context, &encoded, range, piece.start as i32, sequence as i32)
    }
}
