//! Converts a model from the command line, to try it on a real one:
//!
//! ```text
//! convert gguf FOLDER TARGET [f32|f16|bf16|q8_0]
//! convert projector FOLDER TARGET
//! convert mlx FOLDER TARGET [4|8]
//! convert split FILE PREFIX BYTES
//! convert merge FIRST TARGET
//! ```

use convert::{MlxOptions, Options, OutType, Progress, SplitLimit};
use std::{
    env,
    error::Error,
    io::{self, Write},
    ops::ControlFlow,
    path::Path,
};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let [verb, from, to, rest @ ..] = words.as_slice() else { return Err("see the top of this file".into()) };
    let (from, to, option) = (Path::new(from), Path::new(to), rest.first().copied());
    let mut watch = |progress: Progress<'_>| {
        let _ = write!(io::stderr(), "\r{:5.1} % {:<60}", progress.fraction * 100.0, progress.tensor);
        ControlFlow::Continue(())
    };
    let report = match *verb {
        "gguf" => {
            let out = option.map(out_type).transpose()?;
            format!("{:?}", convert::hf_to_gguf(from, to, &Options { out, id: None }, &mut watch)?)
        }
        "projector" => format!("{:?}", convert::hf_to_projector(from, to, None, &mut watch)?),
        "mlx" => {
            let bits = option.map_or(Ok(4), str::parse)?;
            let options = MlxOptions { bits, ..MlxOptions::default() };
            format!("{:?}", convert::to_mlx(from, to, &options, &mut watch)?)
        }
        "split" => {
            let limit = SplitLimit::Bytes(option.ok_or("how many bytes?")?.parse()?);
            format!("{:?}", convert::split(from, to, limit, &mut watch)?)
        }
        "merge" => format!("{:?}", convert::merge(from, to, &mut watch)?),
        other => return Err(format!("“{other}” is nothing that is done here").into()),
    };
    writeln!(io::stdout(), "\n{report}")?;
    Ok(())
}

fn out_type(name: &str) -> Result<OutType, String> {
    match name {
        "f32" => Ok(OutType::F32),
        "f16" => Ok(OutType::F16),
        "bf16" => Ok(OutType::Bf16),
        "q8_0" => Ok(OutType::Q8_0),
        other => Err(format!("“{other}” is no type")),
    }
}
