//! The prior laws of PEtab version 2, under its names and with its parameters.

use metacascade_inference::Prior;

/// A law and how PEtab writes it.
#[derive(Clone, Copy)]
pub(crate) struct Law {
    /// As in the column `priorDistribution`.
    pub name: &'static str,
    /// What the column `priorParameters` holds, in order.
    pub parameters: &'static [&'static str],
    build: fn(&[f64]) -> Prior,
    /// What each parameter must satisfy.
    rule: Rule,
}

#[derive(Clone, Copy)]
enum Rule {
    Ordered,
    PositiveOrdered,
    SecondPositive,
    AllPositive,
}

/// Why parameters make no law.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PriorProblem(pub &'static str);

pub(crate) const LAWS: [Law; 11] = [
    Law {
        name: "uniform",
        parameters: &["lower bound", "upper bound"],
        build: |p| Prior::Uniform { lower: p[0], upper: p[1] },
        rule: Rule::Ordered,
    },
    Law {
        name: "log-uniform",
        parameters: &["lower bound", "upper bound"],
        build: |p| Prior::LogUniform { lower: p[0], upper: p[1] },
        rule: Rule::PositiveOrdered,
    },
    Law {
        name: "normal",
        parameters: &["mean", "standard deviation"],
        build: |p| Prior::Normal { mean: p[0], sd: p[1] },
        rule: Rule::SecondPositive,
    },
    Law {
        name: "log-normal",
        parameters: &["mean of the logarithm", "standard deviation of the logarithm"],
        build: |p| Prior::LogNormal { log_mean: p[0], log_sd: p[1] },
        rule: Rule::SecondPositive,
    },
    Law {
        name: "laplace",
        parameters: &["location", "scale"],
        build: |p| Prior::Laplace { location: p[0], scale: p[1] },
        rule: Rule::SecondPositive,
    },
    Law {
        name: "log-laplace",
        parameters: &["location of the logarithm", "scale of the logarithm"],
        build: |p| Prior::LogLaplace { log_location: p[0], log_scale: p[1] },
        rule: Rule::SecondPositive,
    },
    Law {
        name: "gamma",
        parameters: &["shape", "scale"],
        build: |p| Prior::Gamma { shape: p[0], scale: p[1] },
        rule: Rule::AllPositive,
    },
    Law {
        name: "exponential",
        parameters: &["scale"],
        build: |p| Prior::Exponential { scale: p[0] },
        rule: Rule::AllPositive,
    },
    Law {
        name: "cauchy",
        parameters: &["location", "scale"],
        build: |p| Prior::Cauchy { location: p[0], scale: p[1] },
        rule: Rule::SecondPositive,
    },
    Law {
        name: "chisquare",
        parameters: &["degrees of freedom"],
        build: |p| Prior::ChiSquare { degrees_of_freedom: p[0] },
        rule: Rule::AllPositive,
    },
    Law {
        name: "rayleigh",
        parameters: &["scale"],
        build: |p| Prior::Rayleigh { scale: p[0] },
        rule: Rule::AllPositive,
    },
];

impl Law {
    /// The law with the given parameters, as many as [`Law::parameters`].
    pub fn build(&self, values: &[f64]) -> Result<Prior, PriorProblem> {
        let (sound, message) = match self.rule {
            Rule::Ordered => (values[0] < values[1], "the prior's lower bound is not below its upper bound"),
            Rule::PositiveOrdered => {
                (0.0 < values[0] && values[0] < values[1], "the prior's bounds must be positive and in order")
            }
            Rule::SecondPositive => (values[1] > 0.0, "the prior's second parameter must be positive"),
            Rule::AllPositive => (values.iter().all(|&value| value > 0.0), "the prior's parameters must be positive"),
        };
        if sound { Ok((self.build)(values)) } else { Err(PriorProblem(message)) }
    }
}

/// The law of whole numbers that a law stands for; the ends of a uniform one count whole.
pub(crate) fn whole(law: Prior) -> Result<Prior, PriorProblem> {
    let wider = match law {
        Prior::Uniform { lower, upper } => Prior::Uniform { lower: lower - 0.5, upper: upper + 0.5 },
        Prior::LogUniform { lower, .. } if lower < 1.0 => {
            return Err(PriorProblem("a log-uniform law of whole numbers begins at 1 or more"));
        }
        Prior::LogUniform { lower, upper } => Prior::LogUniform { lower: lower - 0.5, upper: upper + 0.5 },
        other => other,
    };
    Ok(Prior::Whole(Box::new(wider)))
}

/// Whether a law is one of the logarithm.
pub(crate) fn is_logarithmic(prior: &Prior) -> bool {
    match prior {
        Prior::Whole(law) => is_logarithmic(law),
        law => matches!(law, Prior::LogUniform { .. } | Prior::LogNormal { .. } | Prior::LogLaplace { .. }),
    }
}
