//! What a first problem with a shipped model may look like: what is measured, when, in how many subjects, and what is
//! estimated. A start to change, not advice.

/// A first problem with a model.
#[derive(Clone, Copy, Debug)]
pub struct Starter {
    /// Name of the model.
    pub model: &'static str,
    /// The question it answers.
    pub question: &'static str,
    /// What is measured.
    pub observables: &'static [Measured],
    /// Parameters to estimate, all positive.
    pub estimated: &'static [&'static str],
    /// Subjects, each measured at all times.
    pub subjects: usize,
    /// How it is simulated.
    pub method: &'static str,
    /// Simulated data sets for a first look, in about a minute or two.
    pub simulations: usize,
}

/// An observable, in the terms of PEtab's observable table.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// `observableId`.
    pub id: &'static str,
    /// `observableName`.
    pub name: &'static str,
    /// `observableUnit`.
    pub unit: &'static str,
    /// `observableFormula`, over symbols of the model.
    pub formula: &'static str,
    /// `noiseFormula`: standard deviation, of the logarithm where the law is `log-normal`.
    pub noise: f64,
    /// `noiseDistribution`.
    pub law: &'static str,
    /// When it is measured, in the model's unit of time.
    pub times: &'static [f64],
}

const STARTERS: &[Starter] = &[
    Starter {
        model: "cascade-core",
        question: "How fast does the primary grow, how many of its cells enter the blood, how many found a colony?",
        observables: &[
            Measured {
                id: "primary_volume",
                name: "primary",
                unit: "mm3",
                formula: "primary / 1e6",
                noise: 0.1,
                law: "log-normal",
                times: &[10.0, 14.0, 18.0, 22.0, 26.0, 30.0],
            },
            Measured {
                id: "blood_cells",
                name: "tumour cells in the blood",
                unit: "cells",
                formula: "C",
                noise: 20.0,
                law: "normal",
                times: &[30.0],
            },
            Measured {
                id: "lung_colonies",
                name: "colonies of the lung",
                unit: "colonies",
                formula: "lung_detected",
                noise: 0.5,
                law: "normal",
                times: &[35.0],
            },
        ],
        estimated: &["growth", "intravasation", "colonisation"],
        subjects: 4,
        method: "hybrid",
        simulations: 3000,
    },
    Starter {
        model: "cascade-tme",
        question: "How fast does the primary grow, and what does a cell that leaves it achieve?",
        observables: &[
            Measured {
                id: "primary_volume",
                name: "primary",
                unit: "mm3",
                formula: "N / 1e6",
                noise: 0.1,
                law: "log-normal",
                times: &[10.0, 15.0, 20.0, 25.0],
            },
            Measured {
                id: "metastases_found",
                name: "metastases that can be found",
                unit: "lesions",
                formula: "detected",
                noise: 0.5,
                law: "normal",
                times: &[30.0],
            },
        ],
        estimated: &["growth", "invasion", "survival"],
        subjects: 3,
        method: "hybrid",
        simulations: 1000,
    },
    Starter {
        model: "recurrence",
        question: "How many distant lesions does a primary leave behind?",
        observables: &[Measured {
            id: "lesions_found",
            name: "distant lesions that can be found",
            unit: "lesions",
            formula: "distant_detected",
            noise: 0.2,
            law: "normal",
            times: &[2500.0, 3500.0],
        }],
        estimated: &["seeding"],
        subjects: 40,
        method: "hybrid",
        simulations: 20000,
    },
    Starter {
        model: "switching",
        question: "How fast do cells switch, and where do they settle?",
        observables: &[Measured {
            id: "fraction",
            name: "fraction of cells in state A",
            unit: "",
            formula: "fraction_A",
            noise: 0.03,
            law: "normal",
            times: &[2.0, 4.0, 8.0, 12.0, 24.0],
        }],
        estimated: &["k_AB", "k_BA"],
        subjects: 3,
        method: "tau-leap",
        simulations: 20000,
    },
    Starter {
        model: "lymph",
        question: "How fast does a tumour spread from node to node?",
        observables: &[
            Measured {
                id: "first_level",
                name: "level I involved",
                unit: "",
                formula: "involved_I",
                noise: 0.05,
                law: "normal",
                times: &[900.0],
            },
            Measured {
                id: "second_level",
                name: "level II involved",
                unit: "",
                formula: "involved_II",
                noise: 0.05,
                law: "normal",
                times: &[900.0],
            },
        ],
        estimated: &["drainage", "onward"],
        subjects: 60,
        method: "hybrid",
        simulations: 5000,
    },
];

/// The first problem with a shipped model, of those that people fit.
#[must_use]
pub fn starter(model: &str) -> Option<&'static Starter> {
    STARTERS.iter().find(|starter| starter.model == model)
}

/// Names of the models with a first problem.
pub fn starters() -> impl Iterator<Item = &'static str> {
    STARTERS.iter().map(|starter| starter.model)
}
