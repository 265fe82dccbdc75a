//! Lines of progress that fit into a terminal: where there is too little room, words become shorter, and then what matters
//! least is left out.

/// Between two parts.
const GAP: &str = "  ";

/// A part of a line.
struct Part {
    long: String,
    short: String,
    /// Higher is left out earlier.
    rank: u8,
}

/// A line of progress.
#[derive(Default)]
pub struct Line(Vec<Part>);

impl Line {
    /// Adds a part, in words and in fewer; of two parts, the one of higher rank goes first where there is too little room.
    pub fn part(mut self, rank: u8, long: impl Into<String>, short: impl Into<String>) -> Self {
        self.0.push(Part { long: long.into(), short: short.into(), rank });
        self
    }

    /// Adds a part whose words are the same.
    pub fn word(self, rank: u8, text: impl Into<String>) -> Self {
        let text = text.into();
        self.part(rank, text.clone(), text)
    }

    /// The line in at most `width` characters.
    pub fn within(&self, width: usize) -> String {
        let mut order: Vec<usize> = (0..self.0.len()).collect();
        order.sort_by_key(|&index| std::cmp::Reverse(self.0[index].rank));
        let mut texts: Vec<Option<&str>> = self.0.iter().map(|part| Some(part.long.as_str())).collect();
        let shorter = order.iter().map(|&index| (index, Some(self.0[index].short.as_str())));
        let fewer = order.iter().map(|&index| (index, None));
        let mut steps = shorter.chain(fewer);
        loop {
            let line = texts.iter().copied().flatten().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(GAP);
            if line.chars().count() <= width {
                return line;
            }
            match steps.next() {
                Some((index, text)) => texts[index] = text,
                None => return String::new(),
            }
        }
    }
}

/// A number in three digits, with k, M or G for thousands, millions and thousand millions.
pub fn rounded(number: f64) -> String {
    let (scaled, suffix) = match number.abs() {
        at if at >= 999.5e6 => (number / 1e9, "G"),
        at if at >= 999.5e3 => (number / 1e6, "M"),
        at if at >= 9_999.5 => (number / 1e3, "k"),
        _ => (number, ""),
    };
    let digits = match scaled.abs() {
        at if at >= 99.95 || at == 0.0 => 0,
        at if at >= 9.995 => 1,
        _ => 2,
    };
    format!("{scaled:.digits$}{suffix}")
}

/// A threshold or distance: three significant digits, in powers of ten where they would be far behind the point.
pub fn significant(number: f64) -> String {
    match number.abs() {
        at if !at.is_finite() => "–".to_owned(),
        0.0 => "0".to_owned(),
        at if (1e-3..1e5).contains(&at) => {
            let digits = (2.0 - at.log10().floor()).max(0.0) as usize;
            format!("{number:.digits$}")
        }
        _ => format!("{number:.2e}"),
    }
}

/// A length of time in its largest units.
pub fn duration(seconds: f64) -> String {
    match seconds {
        s if !s.is_finite() || s < 0.0 => "–".to_owned(),
        s if s < 99.5 => format!("{s:.0} s"),
        s if s < 99.5 * 60.0 => format!("{:.0} min", s / 60.0),
        s if s < 99.5 * 3600.0 => format!("{:.0} h", s / 3600.0),
        s => format!("{:.0} days", s / 86_400.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matters_least_is_shortened_and_left_out_first() {
        let line =
            Line::default().word(0, "generation 3").part(2, "threshold 0.81", "ε 0.81").part(1, "5 s left", "5 s");
        assert_eq!(line.within(80), "generation 3  threshold 0.81  5 s left");
        assert_eq!(line.within(32), "generation 3  ε 0.81  5 s left");
        assert_eq!(line.within(27), "generation 3  ε 0.81  5 s");
        assert_eq!(line.within(20), "generation 3  5 s");
        assert_eq!(line.within(12), "generation 3");
        assert_eq!(line.within(3), "");
    }

    #[test]
    fn numbers_keep_three_digits() {
        let told = [0.0, 0.123, 5.0, 12.34, 999.9, 9999.0, 12_345.0, 2.5e6, 7e10].map(rounded);
        assert_eq!(told, ["0", "0.12", "5.00", "12.3", "1000", "9999", "12.3k", "2.50M", "70.0G"]);
        let told = [0.0, 0.012345, 1.5, 123.4, 4e-7, f64::INFINITY].map(significant);
        assert_eq!(told, ["0", "0.0123", "1.50", "123", "4.00e-7", "–"]);
        let told = [0.4, 99.0, 600.0, 7200.0, 36_000.0, 1e6, f64::NAN].map(duration);
        assert_eq!(told, ["0 s", "99 s", "10 min", "2 h", "10 h", "12 days", "–"]);
    }
}
