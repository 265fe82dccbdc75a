use super::*;

/// One species with birth rate n and death rate n (0.7 + 3.3/(1+(n/15)⁴)): a colony that must pass a barrier.
fn barrier(cells: u32) -> Network {
    let builder = Network::builder("barrier").species("X", &cells.to_string());
    builder.reaction("X -> 2 X", "X").reaction("X ->", "X*(0.7 + 3.3/(1 + (X/15)^4))").build().unwrap()
}

#[test]
fn x() {
    for cells in [1, 10, 20, 30, 50] {
        let network = barrier(cells);
        let t = std::time::Instant::now();
        let found = RareEvent { unless: Some("X <= 0"), ..RareEvent::new(&network, &[], "X >= 60", Key::new(1)) }.estimate();
        println!("{:?} {found:?}", t.elapsed());
    }
}
