//! `metacascade completions` and `metacascade man`.

use clap::CommandFactory as _;
use metacascade_problem::write_file;

use crate::args::{Arguments, Completions, Man};
use crate::error::Failed;

/// Writes the completions of a shell to standard output.
pub fn completions(typed: &Completions) -> Result<(), Failed> {
    clap_complete::generate(typed.shell, &mut Arguments::command(), "metacascade", &mut std::io::stdout());
    Ok(())
}

/// Writes a manual page of the program and of each of its commands.
pub fn man(typed: &Man) -> Result<(), Failed> {
    let folder = &typed.folder;
    let failed = |error: std::io::Error| Failed::Work(format!("cannot write {}: {error}", folder.display()));
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut program = Arguments::command();
    program.build();
    let commands = program.get_subcommands().filter(|command| command.get_name() != "help");
    let named = commands.map(|command| {
        let name = format!("metacascade-{}", command.get_name());
        (name.clone(), command.clone().display_name(name))
    });
    for (name, command) in std::iter::once(("metacascade".to_owned(), program.clone())).chain(named) {
        let mut page = Vec::new();
        clap_mangen::Man::new(command).render(&mut page).map_err(failed)?;
        write_file(&folder.join(format!("{name}.1")), &page)?;
    }
    Ok(())
}
