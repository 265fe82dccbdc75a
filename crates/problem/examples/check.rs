//! Reads a problem's folder, and prints what is wrong with it or what it holds: `check FOLDER`.

use metacascade_problem::{Problem, overview};

fn main() {
    let Some(folder) = std::env::args_os().nth(1) else { return eprintln!("usage: check FOLDER") };
    let begun = std::time::Instant::now();
    match Problem::load(folder.as_ref()) {
        Ok(problem) => {
            println!("read and checked in {:.2} s", begun.elapsed().as_secs_f64());
            println!("{:#?}", overview(&problem));
        }
        Err(found) => println!("{found}"),
    }
}
