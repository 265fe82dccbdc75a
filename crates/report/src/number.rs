//! Numbers as a reader wants them: few digits, powers of ten as superscripts.

/// A number in `digits` significant digits; a dash for NaN. Very small and very large ones as `1.23 × 10⁻⁷`.
#[must_use]
pub fn significant(value: f64, digits: usize) -> String {
    write(value, digits, false)
}

/// Like [`significant`] with 4 digits, without trailing zeros: for numbers that are round, such as bounds.
#[must_use]
pub fn tick(value: f64) -> String {
    write(value, 4, true)
}

/// Labels of all ticks of one axis, in one form.
///
/// A linear axis has plain decimals, or from a million up and below a thousandth multiples of one power of ten. A logarithmic
/// one (`log`) has plain decimals too, unless a tick lies beyond 0.001 to 99 999: then whatever lies beyond 0.01 to
/// 9999 is a power of ten.
#[must_use]
pub fn ticks(values: &[f64], log: bool) -> Vec<String> {
    let sizes = || values.iter().map(|value| value.abs()).filter(|size| *size > 0.0 && size.is_finite());
    let (smallest, largest) = (sizes().fold(f64::INFINITY, f64::min), sizes().fold(0.0, f64::max));
    if log {
        let plain = if smallest < 1e-3 || largest >= 1e5 { 0.01..1e4 } else { 0.0..f64::INFINITY };
        return values
            .iter()
            .map(|&tick| if plain.contains(&tick.abs()) { decimal(tick) } else { power(tick) })
            .collect();
    }
    if (1e-3..1e6).contains(&largest) || largest == 0.0 {
        return values.iter().copied().map(decimal).collect();
    }
    let exponent = largest.log10().floor() as i32;
    let multiple = |value: f64| match value {
        0.0 => "0".into(),
        // Four digits: the quotient of two round numbers is not round in binary.
        _ => format!("{} × 10{}", tick(value / 10_f64.powi(exponent)), superscript(exponent)),
    };
    values.iter().copied().map(multiple).collect()
}

/// The interval `lower – upper` in 3 significant digits.
#[must_use]
pub fn interval(lower: f64, upper: f64) -> String {
    format!("{} – {}", significant(lower, 3), significant(upper, 3))
}

/// The same where an end may be missing.
#[must_use]
pub fn open_interval(lower: Option<f64>, upper: Option<f64>) -> String {
    match (lower, upper) {
        (Some(lower), Some(upper)) => interval(lower, upper),
        (Some(lower), None) => format!("{} and more", significant(lower, 3)),
        (None, Some(upper)) => format!("{} and less", significant(upper, 3)),
        (None, None) => "no bounds".to_owned(),
    }
}

/// A share in per cent, with as many decimals as it takes not to be 0 or 100 where it is not.
#[must_use]
pub fn percent(share: f64) -> String {
    let value = 100.0 * share;
    if !value.is_finite() {
        return "–".into();
    }
    let near = |end: f64| (value - end).abs() < 0.5 && value != end;
    if value != 0.0 && value.abs() < 0.05 {
        return format!("{} %", significant(value, 2));
    }
    if near(0.0) || near(100.0) { format!("{value:.1} %") } else { format!("{value:.0} %") }
}

/// A count in full, thousands set apart by narrow spaces.
#[must_use]
pub fn count(value: u64) -> String {
    grouped(&value.to_string())
}

fn grouped(digits: &str) -> String {
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) && digits.len() > 4 {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A duration in words, such as `1 min 12 s`.
#[must_use]
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "–".into();
    }
    if seconds < 99.5 {
        return format!("{} s", significant(seconds, 2));
    }
    let whole = seconds.round() as u64;
    match whole / 3600 {
        0 => format!("{} min {} s", whole / 60, whole % 60),
        hours => format!("{hours} h {} min", whole % 3600 / 60),
    }
}

/// The value to five significant digits: more than a pixel shows, and a third of the bytes in a figure's data.
#[must_use]
pub fn rounded(value: f64) -> f64 {
    format!("{value:.4e}").parse().unwrap_or(value)
}

fn write(value: f64, digits: usize, trim: bool) -> String {
    if value.is_nan() {
        return "–".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "∞".into() } else { "−∞".into() };
    }
    if value == 0.0 {
        return "0".into();
    }
    let digits = digits.max(1);
    // The scientific form rounds to the digits wanted and tells the exponent after rounding (9.996 is 10.0).
    let scientific = format!("{:.*e}", digits - 1, value.abs());
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if value < 0.0 { "−" } else { "" };
    if (-3..5).contains(&exponent) {
        let rounded: f64 = scientific.parse().unwrap_or(value.abs());
        let decimals = (digits as i32 - 1 - exponent).max(0) as usize;
        return format!("{sign}{}", trimmed(&format!("{rounded:.decimals$}"), trim));
    }
    scaled(sign, trimmed(mantissa, trim), exponent)
}

/// `mantissa × 10^exponent`.
fn scaled(sign: &str, mantissa: &str, exponent: i32) -> String {
    match mantissa {
        "1" => format!("{sign}10{}", superscript(exponent)),
        mantissa => format!("{sign}{mantissa} × 10{}", superscript(exponent)),
    }
}

/// A round number in full.
fn decimal(value: f64) -> String {
    let text = value.abs().to_string();
    let (whole, fraction) = text.split_once('.').map_or((text.as_str(), None), |(whole, rest)| (whole, Some(rest)));
    let sign = if value < 0.0 { "−" } else { "" };
    format!("{sign}{}{}", grouped(whole), fraction.map_or(String::new(), |fraction| format!(".{fraction}")))
}

/// A round number as a multiple of a power of ten.
fn power(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let scientific = format!("{:.3e}", value.abs());
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    scaled(if value < 0.0 { "−" } else { "" }, trimmed(mantissa, true), exponent.parse().unwrap_or(0))
}

fn trimmed(decimal: &str, trim: bool) -> &str {
    if trim && decimal.contains('.') { decimal.trim_end_matches('0').trim_end_matches('.') } else { decimal }
}

fn superscript(exponent: i32) -> String {
    let raise = |character| match character {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        '4' => '⁴',
        '5' => '⁵',
        '6' => '⁶',
        '7' => '⁷',
        '8' => '⁸',
        '9' => '⁹',
        _ => '⁰',
    };
    exponent.to_string().chars().map(raise).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn significant_digits() {
        for (value, text) in [
            (0.0721, "0.0721"),
            (0.072149, "0.0721"),
            (9.996, "10.0"),
            (0.1, "0.100"),
            (1234.0, "1230"),
            (99_999.0, "1.00 × 10⁵"),
            (12_345_678.0, "1.23 × 10⁷"),
            (-0.000_012_3, "−1.23 × 10⁻⁵"),
            (0.001, "0.00100"),
            (0.0, "0"),
            (-0.0, "0"),
            (f64::NAN, "–"),
            (f64::INFINITY, "∞"),
            (f64::MIN_POSITIVE, "2.23 × 10⁻³⁰⁸"),
        ] {
            assert_eq!(significant(value, 3), text, "{value}");
        }
    }

    #[test]
    fn ticks_lose_trailing_zeros() {
        for (value, text) in
            [(0.5, "0.5"), (100.0, "100"), (1e6, "10⁶"), (2.5e7, "2.5 × 10⁷"), (-1e-6, "−10⁻⁶"), (0.1 + 0.2, "0.3")]
        {
            assert_eq!(tick(value), text, "{value}");
        }
    }

    #[test]
    fn ticks_of_one_axis_have_one_form() {
        for (values, log, labels) in [
            (vec![0.0, 50_000.0, 1e5, 1.5e5], false, vec!["0", "50\u{202f}000", "100\u{202f}000", "150\u{202f}000"]),
            (vec![0.0, 1e7, 2e7], false, vec!["0", "1 × 10⁷", "2 × 10⁷"]),
            (vec![-2e-4, 0.0, 4e-4], false, vec!["−2 × 10⁻⁴", "0", "4 × 10⁻⁴"]),
            (vec![0.0005, 0.001, 0.0015], false, vec!["0.0005", "0.001", "0.0015"]),
            (vec![1000.0, 1e4, 1e5], true, vec!["1000", "10⁴", "10⁵"]),
            (vec![0.005, 0.01, 0.02], true, vec!["0.005", "0.01", "0.02"]),
            (vec![0.0, 5e-4, 1e-3, 0.1], true, vec!["0", "5 × 10⁻⁴", "10⁻³", "0.1"]),
        ] {
            assert_eq!(ticks(&values, log), labels);
        }
        assert_eq!(ticks(&[], true), Vec::<String>::new());
    }

    #[test]
    fn shares_in_per_cent() {
        for (share, text) in [
            (0.0, "0 %"),
            (1.7e-4, "0.017 %"),
            (0.002, "0.2 %"),
            (0.126, "13 %"),
            (0.9961, "99.6 %"),
            (1.0, "100 %"),
            (f64::NAN, "–"),
        ] {
            assert_eq!(percent(share), text);
        }
    }

    #[test]
    fn counts_and_durations() {
        assert_eq!(count(0), "0");
        assert_eq!(count(4321), "4321");
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(duration(0.123), "0.12 s");
        assert_eq!(duration(72.0), "72 s");
        assert_eq!(duration(133.4), "2 min 13 s");
        assert_eq!(duration(7322.0), "2 h 2 min");
        assert_eq!(duration(f64::NAN), "–");
    }
}
