//! A server of its own for every test.

use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Map, Value, json};
use std::{
    env,
    path::{Path, PathBuf},
    process::{ExitStatus, Output, Stdio},
    sync::Arc,
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::{Child, ChildStdout, Command},
    time::{sleep, timeout},
};

const PATIENCE: Duration = Duration::from_secs(60);

/// The binary under test.
pub(crate) fn binary() -> PathBuf {
    given("CHAOSENGINE_BIN")
}

/// A small chat model.
pub(crate) fn model() -> PathBuf {
    given("CHAOSENGINE_TEST_MODEL")
}

/// The folder of a model that makes vectors.
pub(crate) fn encoder() -> PathBuf {
    given("CHAOSENGINE_TEST_ENCODER")
}

/// What the API calls it.
pub(crate) fn model_id() -> String {
    model().file_stem().unwrap().to_string_lossy().into_owned()
}

fn given(name: &str) -> PathBuf {
    let value = env::var_os(name);
    PathBuf::from(value.unwrap_or_else(|| panic!("{name} is not set: run the tests with `cargo xtask test`")))
}

#[expect(clippy::disallowed_methods, reason = "the one place of these tests that starts processes")]
pub(crate) fn command(program: impl AsRef<Path>) -> Command {
    let mut command = Command::new(program.as_ref());
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}

#[expect(clippy::disallowed_methods, reason = "speaks to the server under test only")]
fn client() -> Client {
    Client::builder().no_proxy().build().unwrap()
}

/// A running server and its data.
pub(crate) struct Server {
    child: Child,
    output: BufReader<ChildStdout>,
    pub(crate) address: String,
    pub(crate) data: Arc<TempDir>,
    client: Client,
}

impl Server {
    /// Serves the test model from an empty data folder and waits until it is loaded.
    pub(crate) async fn with_model() -> Self {
        let server = Self::start(&["--model", &model().to_string_lossy()]).await;
        server.wait_for_model("ready").await;
        server
    }

    /// Serves from an empty data folder.
    pub(crate) async fn start(args: &[&str]) -> Self {
        Self::start_in(Arc::new(tempfile::tempdir().unwrap()), args).await
    }

    /// Serves from `data` and waits for the address.
    pub(crate) async fn start_in(data: Arc<TempDir>, args: &[&str]) -> Self {
        Self::start_by(command(binary()), data, args).await
    }

    /// Likewise by a command that passes on what it is given.
    pub(crate) async fn start_by(mut command: Command, data: Arc<TempDir>, args: &[&str]) -> Self {
        command.args(["serve", "--port", "0", "--log", "warn", "--data-dir"]).arg(data.path()).args(args);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        timeout(PATIENCE, output.read_line(&mut line)).await.unwrap().unwrap();
        let address = line.split_whitespace().last().unwrap_or_else(|| panic!("no address")).to_owned();
        Self { child, output, address, data, client: client() }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id().unwrap()
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.address))
    }

    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(format!("{}{path}", self.address))
    }

    pub(crate) fn put(&self, path: &str) -> RequestBuilder {
        self.client.put(format!("{}{path}", self.address))
    }

    /// Posts JSON and gives status and JSON back.
    pub(crate) async fn ask(&self, path: &str, body: &Value) -> (u16, Value) {
        let reply = self.post(path).json(body).send().await.unwrap();
        (reply.status().as_u16(), reply.json().await.unwrap())
    }

    /// The loaded model and its state, as /health tells.
    pub(crate) async fn health(&self) -> Value {
        self.get("/health").send().await.unwrap().json().await.unwrap()
    }

    pub(crate) async fn wait_for_model(&self, state: &str) {
        let waiting = async {
            while self.health().await["model"]["state"] != state {
                sleep(Duration::from_millis(50)).await;
            }
        };
        if timeout(PATIENCE, waiting).await.is_err() {
            panic!("the model is not {state}: {}", self.health().await);
        }
    }

    /// Kills it, and waits until it is dead.
    pub(crate) async fn kill(mut self) {
        platform::kill(self.pid()).await;
        timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap();
    }

    /// Asks it to end, and gives how it ended and what else it had printed.
    pub(crate) async fn stop(mut self) -> (ExitStatus, String) {
        platform::ask_to_end(&mut self.child).await;
        let status = timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap();
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).await.unwrap();
        (status, rest)
    }
}

/// Runs the binary to its end.
pub(crate) async fn run(args: &[&str]) -> Output {
    timeout(PATIENCE, command(binary()).args(args).output()).await.unwrap().unwrap()
}

/// The `data:` lines of an event stream.
pub(crate) async fn events(reply: Response) -> Vec<String> {
    let text = reply.text().await.unwrap();
    text.lines().filter_map(|line| line.strip_prefix("data: ")).map(str::to_owned).collect()
}

/// A file of safetensors, with weights that mean nothing.
pub(crate) fn safetensors(tensors: &[(String, Vec<usize>)]) -> Vec<u8> {
    let mut header = Map::new();
    let mut data = Vec::new();
    let mut state = 1_u32;
    for (name, shape) in tensors {
        let begin = data.len();
        for _ in 0..shape.iter().product() {
            // Numbers that follow from each other without a pattern: Numerical Recipes' generator.
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let number = (state >> 8) as f32 / (1 << 24) as f32 - 0.5;
            data.extend(number.to_le_bytes());
        }
        let entry = json!({"dtype": "F32", "shape": shape, "data_offsets": [begin, data.len()]});
        header.insert(name.clone(), entry);
    }
    let header = Value::Object(header).to_string();
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.extend(data);
    file
}

#[cfg(unix)]
pub(crate) mod platform {
    use super::{Child, command};

    pub(super) async fn ask_to_end(child: &mut Child) {
        terminate(child.id().unwrap()).await;
    }

    /// Asks it to end, as a service manager does.
    pub(crate) async fn terminate(pid: u32) {
        command("kill").args(["-TERM", &pid.to_string()]).status().await.unwrap();
    }

    /// The processes that `parent` started.
    pub(crate) async fn children_of(parent: u32) -> Vec<u32> {
        let rows = command("ps").args(["-A", "-o", "pid=,ppid="]).output().await.unwrap();
        let rows = String::from_utf8(rows.stdout).unwrap();
        let rows = rows.lines().filter_map(|row| {
            let mut numbers = row.split_whitespace().map(|word| word.parse::<u32>().unwrap());
            Some((numbers.next()?, numbers.next()?))
        });
        rows.filter(|(_, ppid)| *ppid == parent).map(|(pid, _)| pid).collect()
    }

    /// Resident memory in KiB.
    pub(crate) async fn memory_of(pid: u32) -> u64 {
        let rows = command("ps").args(["-o", "rss=", "-p", &pid.to_string()]).output().await.unwrap();
        String::from_utf8(rows.stdout).unwrap().trim().parse().unwrap()
    }

    /// Lets it do nothing any more.
    pub(crate) async fn hold(pid: u32) {
        command("kill").args(["-STOP", &pid.to_string()]).status().await.unwrap();
    }

    /// As an out-of-memory killer does it.
    pub(crate) async fn kill(pid: u32) {
        command("kill").args(["-KILL", &pid.to_string()]).status().await.unwrap();
    }
}

#[cfg(windows)]
pub(crate) mod platform {
    use super::{Child, command};

    /// A console program cannot be asked from another console.
    pub(super) async fn ask_to_end(child: &mut Child) {
        child.kill().await.unwrap();
    }

    /// The processes that `parent` started.
    pub(crate) async fn children_of(parent: u32) -> Vec<u32> {
        let query = format!("(Get-CimInstance Win32_Process -Filter 'ParentProcessId={parent}').ProcessId");
        let rows = command("powershell").args(["-NoProfile", "-Command", &query]).output().await.unwrap();
        let rows = String::from_utf8(rows.stdout).unwrap();
        rows.split_whitespace().map(|word| word.parse().unwrap()).collect()
    }

    /// Resident memory in KiB.
    pub(crate) async fn memory_of(pid: u32) -> u64 {
        let query = format!("(Get-Process -Id {pid}).WorkingSet64");
        let bytes = command("powershell").args(["-NoProfile", "-Command", &query]).output().await.unwrap();
        String::from_utf8(bytes.stdout).unwrap().trim().parse::<u64>().unwrap() / 1024
    }

    /// As an out-of-memory killer does it.
    pub(crate) async fn kill(pid: u32) {
        command("taskkill").args(["/F", "/PID", &pid.to_string()]).status().await.unwrap();
    }
}
