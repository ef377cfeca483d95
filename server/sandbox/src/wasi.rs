//! All that a program sees of the world: its arguments, a clock, randomness, and two outputs.
//!
//! Of WASI's first version, this is what has to be there for an interpreter to start. Every other function exists and
//! answers that it is not possible, so there is no file, no socket and no environment to be found. Sleeping passes the
//! program's own time only.

use std::time::{Instant, SystemTime, UNIX_EPOCH};
use wasmtime::{
    Caller, Engine, Extern, ExternType, Func, Instance, Linker, Memory, Module, Result, Store, StoreLimits,
    Val,
};

const MODULE: &str = "wasi_snapshot_preview1";
/// The largest piece that is written or asked for at once, in entries of a list.
const MAX_PIECES: u32 = 1024;
const OUTPUT: u32 = 1;
const ERRORS: u32 = 2;

type Errno = i32;
const SUCCESS: Errno = 0;
const BAD_FILE: Errno = 8;
const BAD_ADDRESS: Errno = 21;
const INVALID: Errno = 28;
const NO_SEEKING: Errno = 70;
const NOT_POSSIBLE: Errno = 76;
/// The status of a program that has no beginning.
const NOT_STARTED: i32 = 126;

/// What a running program has.
pub(crate) struct World {
    arguments: Vec<Vec<u8>>,
    pub(crate) output: Capture,
    pub(crate) errors: Capture,
    pub(crate) limits: StoreLimits,
    started: Instant,
    /// Nanoseconds that it has slept, which took no time.
    slept: u64,
}

/// The beginning of what is written.
pub(crate) struct Capture {
    bytes: Vec<u8>,
    limit: usize,
    pub(crate) is_cut: bool,
}

impl Capture {
    fn new(limit: usize) -> Self {
        Self { bytes: Vec::new(), limit, is_cut: false }
    }

    fn add(&mut self, bytes: &[u8]) {
        let room = self.limit - self.bytes.len();
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.is_cut |= bytes.len() > room;
    }

    pub(crate) fn text(self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// The program ended itself with this status.
#[derive(Debug, thiserror::Error)]
#[error("exit status {0}")]
pub(crate) struct Exit(pub(crate) i32);

impl World {
    pub(crate) fn new(arguments: &[String], output_bytes: usize, limits: StoreLimits) -> Self {
        let ended = |text: &String| text.bytes().filter(|byte| *byte != 0).chain([0]).collect();
        Self {
            arguments: arguments.iter().map(ended).collect(),
            output: Capture::new(output_bytes),
            errors: Capture::new(output_bytes),
            limits,
            started: Instant::now(),
            slept: 0,
        }
    }
}

/// The functions that `module` wants, whatever they are.
pub(crate) fn linker(engine: &Engine, module: &Module) -> Result<Linker<World>> {
    let mut linker = Linker::new(engine);
    linker.allow_shadowing(true);
    for import in module.imports().filter(|import| import.module() == MODULE) {
        if let ExternType::Func(kind) = import.ty()
            && kind.results().len() == 1
        {
            linker.func_new(MODULE, import.name(), kind, |_, _, results| {
                results[0] = Val::I32(NOT_POSSIBLE);
                Ok(())
            })?;
        }
    }
    add_start(&mut linker)?;
    add_files(&mut linker)?;
    add_time(&mut linker)?;
    linker.define_unknown_imports_as_traps(module)?;
    Ok(linker)
}

fn add_start(linker: &mut Linker<World>) -> Result<()> {
    linker.func_wrap(MODULE, "args_sizes_get", |mut caller: Caller<'_, World>, count: u32, size: u32| {
        let arguments = &caller.data().arguments;
        let n_bytes: usize = arguments.iter().map(Vec::len).sum();
        let (n, n_bytes) = (arguments.len() as u32, n_bytes as u32);
        answer(put_u32(&mut caller, count, n).and_then(|()| put_u32(&mut caller, size, n_bytes)))
    })?;
    linker.func_wrap(MODULE, "args_get", |mut caller: Caller<'_, World>, places: u32, texts: u32| {
        answer(put_arguments(&mut caller, places, texts))
    })?;
    linker.func_wrap(
        MODULE,
        "environ_sizes_get",
        |mut caller: Caller<'_, World>, count: u32, size: u32| {
            answer(put_u32(&mut caller, count, 0).and_then(|()| put_u32(&mut caller, size, 0)))
        },
    )?;
    linker.func_wrap(MODULE, "environ_get", |_: u32, _: u32| SUCCESS)?;
    linker.func_wrap(MODULE, "proc_exit", |status: i32| -> Result<()> { Err(Exit(status).into()) })?;
    linker.func_wrap(MODULE, "sched_yield", || SUCCESS)?;
    linker.func_wrap(MODULE, "random_get", |mut caller: Caller<'_, World>, at: u32, n: u32| {
        answer(bytes_mut(&mut caller, at, n as usize).map(|bytes| rand::fill(bytes)))
    })?;
    Ok(())
}

/// Input that has ended, two outputs, and no other file.
fn add_files(linker: &mut Linker<World>) -> Result<()> {
    linker.func_wrap(
        MODULE,
        "fd_write",
        |mut caller: Caller<'_, World>, file: u32, pieces: u32, n: u32, written: u32| {
            answer(write(&mut caller, file, pieces, n, written))
        },
    )?;
    linker.func_wrap(
        MODULE,
        "fd_read",
        |mut caller: Caller<'_, World>, file: u32, _: u32, _: u32, read: u32| {
            if file == 0 { answer(put_u32(&mut caller, read, 0)) } else { BAD_FILE }
        },
    )?;
    linker.func_wrap(MODULE, "fd_fdstat_get", |mut caller: Caller<'_, World>, file: u32, at: u32| {
        // Of no certain kind, with every right: enough for an interpreter to use it as it is.
        let mut stat = [0; 24];
        stat[8..].fill(0xff);
        if file <= ERRORS { answer(put(&mut caller, at, &stat)) } else { BAD_FILE }
    })?;
    linker.func_wrap(MODULE, "fd_filestat_get", |mut caller: Caller<'_, World>, file: u32, at: u32| {
        if file <= ERRORS { answer(put(&mut caller, at, &[0; 64])) } else { BAD_FILE }
    })?;
    linker.func_wrap(
        MODULE,
        "fd_seek",
        |file: u32, _: i64, _: u32, _: u32| {
            if file <= ERRORS { NO_SEEKING } else { BAD_FILE }
        },
    )?;
    linker.func_wrap(MODULE, "fd_close", |file: u32| if file <= ERRORS { SUCCESS } else { BAD_FILE })?;
    // That there is no folder is what ends the search for folders.
    linker.func_wrap(MODULE, "fd_prestat_get", |_: u32, _: u32| BAD_FILE)?;
    Ok(())
}

fn add_time(linker: &mut Linker<World>) -> Result<()> {
    linker.func_wrap(
        MODULE,
        "clock_time_get",
        |mut caller: Caller<'_, World>, clock: u32, _: i64, at: u32| {
            let now = caller.data().now(clock);
            answer(put(&mut caller, at, &now.to_le_bytes()))
        },
    )?;
    linker.func_wrap(MODULE, "clock_res_get", |mut caller: Caller<'_, World>, _: u32, at: u32| {
        answer(put(&mut caller, at, &1000u64.to_le_bytes()))
    })?;
    linker.func_wrap(
        MODULE,
        "poll_oneoff",
        |mut caller: Caller<'_, World>, wanted: u32, events: u32, n: u32, n_events: u32| {
            answer(poll(&mut caller, wanted, events, n, n_events))
        },
    )?;
    Ok(())
}

impl World {
    /// Nanoseconds: since 1970 on the first clock, since the beginning on the others.
    fn now(&self, clock: u32) -> u64 {
        let passed = match clock {
            0 => SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
            _ => self.started.elapsed(),
        };
        u64::try_from(passed.as_nanos()).unwrap_or(u64::MAX).saturating_add(self.slept)
    }

    /// Until a time, or for a while.
    fn sleep(&mut self, clock: u32, time: u64, is_until: bool) {
        let nanoseconds = if is_until { time.saturating_sub(self.now(clock)) } else { time };
        self.slept = self.slept.saturating_add(nanoseconds);
    }
}

fn answer(done: Result<(), Errno>) -> Errno {
    done.err().unwrap_or(SUCCESS)
}

fn memory(caller: &mut Caller<'_, World>) -> Result<Memory, Errno> {
    caller.get_export("memory").and_then(Extern::into_memory).ok_or(BAD_ADDRESS)
}

fn bytes_mut<'a>(caller: &'a mut Caller<'_, World>, at: u32, n: usize) -> Result<&'a mut [u8], Errno> {
    let memory = memory(caller)?;
    let at = at as usize;
    memory.data_mut(caller).get_mut(at..at.saturating_add(n)).ok_or(BAD_ADDRESS)
}

fn bytes(memory: &[u8], at: u32, n: u32) -> Result<&[u8], Errno> {
    let at = at as usize;
    memory.get(at..at.saturating_add(n as usize)).ok_or(BAD_ADDRESS)
}

fn read<const N: usize>(memory: &[u8], at: u32) -> Result<[u8; N], Errno> {
    bytes(memory, at, N as u32)?.try_into().map_err(|_| BAD_ADDRESS)
}

/// The address of entry `n` in a list.
fn entry(list: u32, n: u32, size: u32) -> Result<u32, Errno> {
    n.checked_mul(size).and_then(|offset| list.checked_add(offset)).ok_or(BAD_ADDRESS)
}

fn put(caller: &mut Caller<'_, World>, at: u32, bytes: &[u8]) -> Result<(), Errno> {
    bytes_mut(caller, at, bytes.len()).map(|place| place.copy_from_slice(bytes))
}

fn put_u32(caller: &mut Caller<'_, World>, at: u32, value: u32) -> Result<(), Errno> {
    put(caller, at, &value.to_le_bytes())
}

fn put_arguments(caller: &mut Caller<'_, World>, places: u32, texts: u32) -> Result<(), Errno> {
    let arguments = caller.data().arguments.clone();
    let mut at = texts;
    for (n, argument) in (0..).zip(&arguments) {
        let place = entry(places, n, 4)?;
        put_u32(caller, place, at)?;
        put(caller, at, argument)?;
        at = at.checked_add(argument.len() as u32).ok_or(BAD_ADDRESS)?;
    }
    Ok(())
}

fn write(caller: &mut Caller<'_, World>, file: u32, pieces: u32, n: u32, written: u32) -> Result<(), Errno> {
    if n > MAX_PIECES {
        return Err(INVALID);
    }
    let memory = memory(caller)?;
    let (data, world) = memory.data_and_store_mut(&mut *caller);
    let capture = match file {
        OUTPUT => &mut world.output,
        ERRORS => &mut world.errors,
        _ => return Err(BAD_FILE),
    };
    let mut total = 0u32;
    for n in 0..n {
        let piece = entry(pieces, n, 8)?;
        let at = u32::from_le_bytes(read(data, piece)?);
        let n_bytes = u32::from_le_bytes(read(data, entry(piece, 1, 4)?)?);
        capture.add(bytes(data, at, n_bytes)?);
        total = total.saturating_add(n_bytes);
    }
    put_u32(caller, written, total)
}

/// Everything that is waited for has happened already.
fn poll(
    caller: &mut Caller<'_, World>,
    wanted: u32,
    events: u32,
    n: u32,
    n_events: u32,
) -> Result<(), Errno> {
    const WANTED_BYTES: u32 = 48;
    const EVENT_BYTES: u32 = 32;
    if n == 0 || n > MAX_PIECES {
        return Err(INVALID);
    }
    for n in 0..n {
        let memory = memory(caller)?;
        let (data, world) = memory.data_and_store_mut(&mut *caller);
        let want: [u8; WANTED_BYTES as usize] = read(data, entry(wanted, n, WANTED_BYTES)?)?;
        let [clock, time] = [want[16..24].try_into(), want[24..32].try_into()]
            .map(|it| it.map(u64::from_le_bytes).unwrap_or_default());
        let kind = want[8];
        if kind == 0 {
            world.sleep(clock as u32, time, want[40] & 1 == 1);
        }
        let mut event = [0; EVENT_BYTES as usize];
        event[..8].copy_from_slice(&want[..8]);
        event[10] = kind;
        put(caller, entry(events, n, EVENT_BYTES)?, &event)?;
    }
    put_u32(caller, n_events, n)
}

/// Starts a program that is a library of an interpreter: it gets its arguments by a call.
pub(crate) fn start_reactor(
    instance: &Instance,
    store: &mut Store<World>,
    arguments: &[String],
) -> Result<()> {
    if let Ok(initialize) = instance.get_typed_func::<(), ()>(&mut *store, "_initialize") {
        initialize.call(&mut *store, ())?;
    }
    let allocate: Func = instance.get_func(&mut *store, "malloc").ok_or(Exit(NOT_STARTED))?;
    let allocate = allocate.typed::<u32, u32>(&*store)?;
    let memory = instance.get_memory(&mut *store, "memory").ok_or(Exit(NOT_STARTED))?;
    let mut places = Vec::new();
    for argument in store.data().arguments.clone() {
        let at = allocate.call(&mut *store, argument.len() as u32)?;
        memory.write(&mut *store, at as usize, &argument)?;
        places.extend(at.to_le_bytes());
    }
    let list = allocate.call(&mut *store, places.len() as u32)?;
    memory.write(&mut *store, list as usize, &places)?;
    let begin = instance.get_typed_func::<(i32, u32), i32>(&mut *store, "qjs_init_argv")?;
    match begin.call(store, (arguments.len() as i32, list))? {
        0 => Ok(()),
        _ => Err(Exit(1).into()),
    }
}
