fn main() {
    if let Err(e) = engine::run_worker(std::io::stdin(), std::io::stdout()) {
        eprintln!("{e}");
        std::process::exit(1)
    }
}
