//! One WebAssembly program: made ready once, run from the beginning every time, within bounds.

use crate::wasi::{self, Exit, World};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};
use wasmtime::{
    Config, Engine, Linker, Module, OptLevel, Result, Store, StoreLimitsBuilder, Trap, UpdateDeadline,
};

/// How often a running program is looked at.
const TICK: Duration = Duration::from_millis(10);
/// For calls within calls. The thread has room for more, since what is called outside of the program needs some too.
const MAX_STACK_BYTES: usize = 4 << 20;
const THREAD_STACK_BYTES: usize = 6 << 20;
/// Entries of a program's tables of functions.
const MAX_TABLE_ELEMENTS: usize = 100_000;

/// What a run may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds {
    pub time: Duration,
    pub memory_bytes: usize,
    /// Each of output and errors.
    pub output_bytes: usize,
    pub code_bytes: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(10),
            memory_bytes: 256 << 20,
            output_bytes: 64 << 10,
            code_bytes: 64 << 10,
        }
    }
}

/// What a run left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    pub output: String,
    pub errors: String,
    /// There was more of one of them.
    pub is_cut: bool,
    pub end: End,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself, with this status; 0 is well.
    Exited(i32),
    /// It was stopped when its time was up.
    TimedOut,
    /// Nobody waited any longer.
    Cancelled,
    /// It did what no program may: reached beyond its memory or its stack, or gave up.
    Broke,
}

/// Tells a run to end.
#[derive(Clone, Default)]
pub(crate) struct Cancelled(Arc<AtomicBool>);

pub(crate) struct CancelOnDrop(Cancelled);

impl Cancelled {
    pub(crate) fn on_drop(&self) -> CancelOnDrop {
        CancelOnDrop(self.clone())
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

pub(crate) fn engine() -> Result<Engine> {
    let mut config = Config::new();
    // Interpreters are large and programs short: what counts is how soon the first run begins.
    config
        .epoch_interruption(true)
        .max_wasm_stack(MAX_STACK_BYTES)
        .async_stack_size(THREAD_STACK_BYTES)
        .cranelift_opt_level(OptLevel::None);
    Engine::new(&config)
}

#[derive(Clone)]
pub(crate) struct Program {
    module: Module,
    linker: Linker<World>,
}

impl Program {
    /// Takes its time.
    pub(crate) fn compile(engine: &Engine, bytes: &[u8]) -> Result<Self> {
        let module = Module::new(engine, bytes)?;
        let linker = wasi::linker(engine, &module)?;
        Ok(Self { module, linker })
    }

    /// Blocks until the program has ended or was ended.
    pub(crate) fn run(&self, arguments: &[String], bounds: &Bounds, cancelled: &Cancelled) -> Result<Ran> {
        let limits = StoreLimitsBuilder::new()
            .memory_size(bounds.memory_bytes)
            .table_elements(MAX_TABLE_ELEMENTS)
            .memories(1)
            .instances(1)
            .build();
        let world = World::new(arguments, bounds.output_bytes, limits);
        let mut store = Store::new(self.module.engine(), world);
        store.limiter(|world| &mut world.limits);
        watch(&mut store, Instant::now() + bounds.time, cancelled.clone());
        let ended = ticking(self.module.engine(), || self.start(&mut store, arguments))?;
        let end = end(ended, cancelled);
        let World { output, errors, .. } = store.into_data();
        let is_cut = output.is_cut || errors.is_cut;
        Ok(Ran { output: output.text(), errors: errors.text(), is_cut, end })
    }

    fn start(&self, store: &mut Store<World>, arguments: &[String]) -> Result<()> {
        let instance = self.linker.instantiate(&mut *store, &self.module)?;
        if let Ok(start) = instance.get_typed_func::<(), ()>(&mut *store, "_start") {
            return start.call(store, ());
        }
        wasi::start_reactor(&instance, store, arguments)
    }
}

/// Looks at the time, and at who waits, whenever the engine ticks.
fn watch(store: &mut Store<World>, deadline: Instant, cancelled: Cancelled) {
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(move |_| {
        let is_over = Instant::now() >= deadline || cancelled.is_set();
        Ok(if is_over { UpdateDeadline::Interrupt } else { UpdateDeadline::Continue(1) })
    });
}

/// Runs on a thread with a stack that is large enough, and ticks meanwhile. Ticks of others do no harm: each run looks at
/// its own time.
fn ticking<T: Send>(engine: &Engine, run: impl FnOnce() -> T + Send) -> std::io::Result<T> {
    let (done, is_done) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let worker = thread::Builder::new().name("sandbox".to_owned()).stack_size(THREAD_STACK_BYTES);
        let running = worker.spawn_scoped(scope, move || {
            // Dropped when the run is over, however it ends: that is the sign.
            let _done = done;
            run()
        })?;
        while is_done.recv_timeout(TICK) == Err(mpsc::RecvTimeoutError::Timeout) {
            engine.increment_epoch();
        }
        running.join().map_err(|_| std::io::Error::other("the sandbox panicked"))
    })
}

fn end(ended: Result<()>, cancelled: &Cancelled) -> End {
    let Err(err) = ended else { return End::Exited(0) };
    if let Some(Exit(status)) = err.downcast_ref() {
        return End::Exited(*status);
    }
    match err.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) if cancelled.is_set() => End::Cancelled,
        Some(Trap::Interrupt) => End::TimedOut,
        _ => End::Broke,
    }
}
