//! What was done, as a paragraph for a paper with the references it cites.

use metacascade_problem::{FitMethod, Run, run::RunSettings};

use crate::{content::Content, number::significant};

/// BibTeX entries, one after the other.
const BIBLIOGRAPHY: &str = include_str!("../references.bib");

/// A reference as text cites it, and its key in [`BIBLIOGRAPHY`].
const REFERENCES: [(&str, &str); 26] = [
    ("Andrieu et al. 2010", "Andrieu2010"),
    ("Beaumont et al. 2009", "Beaumont2009"),
    ("Beaumont et al. 2002", "Beaumont2002"),
    ("Blum & François 2010", "BlumFrancois2010"),
    ("Cao et al. 2006", "Cao2006"),
    ("Clopper & Pearson 1934", "ClopperPearson1934"),
    ("Doucet et al. 2015", "Doucet2015"),
    ("Fearnhead & Prangle 2012", "FearnheadPrangle2012"),
    ("Gelman et al. 1996", "Gelman1996"),
    ("Gillespie 1977", "Gillespie1977"),
    ("Haario et al. 2001", "Haario2001"),
    ("Hansen 2016", "Hansen2016"),
    ("Haseltine & Rawlings 2002", "HaseltineRawlings2002"),
    ("Kaplan & Meier 1958", "KaplanMeier1958"),
    ("Prangle 2017", "Prangle2017"),
    ("Price et al. 2018", "Price2018"),
    ("Pritchard et al. 1999", "Pritchard1999"),
    ("Raue et al. 2013", "Raue2013"),
    ("Säilynoja et al. 2022", "Sailynoja2022"),
    ("Schälte et al. 2021", "Schaelte2021"),
    ("Schälte & Hasenauer 2020", "SchaelteHasenauer2020"),
    ("Schmiester et al. 2021", "Schmiester2021"),
    ("Toni et al. 2009", "Toni2009"),
    ("Vehtari et al. 2021", "Vehtari2021"),
    ("Wilkinson 2013", "Wilkinson2013"),
    ("Wood 2010", "Wood2010"),
];

/// How ABC measured distances.
fn distance(settings: &RunSettings) -> &'static str {
    match settings.fit.get("distance").and_then(|value| value.as_str()) {
        Some("euclidean") => "the distance of summaries in units of their scatter (Prangle 2017)",
        Some("robust") => "a distance of summaries that outliers hardly touch (Schälte et al. 2021)",
        _ => "a distance learned by regression of the parameters on the data (Fearnhead & Prangle 2012)",
    }
}

/// How ABC judged simulations.
fn judgement(run: &Run) -> String {
    let settings = &run.settings;
    if settings.fit.get("acceptance").and_then(|value| value.as_str()) != Some("stochastic") {
        return format!("with {}{}", distance(settings), adjustment(settings));
    }
    let temperature = run.generations.last().map_or(f64::INFINITY, |last| last.threshold);
    let reached = if temperature > 1.0 { format!("to {}", significant(temperature, 3)) } else { "to 1".to_owned() };
    format!(
        "each simulation weighted with the probability that the noise makes the data of it (Wilkinson 2013), at a temperature \
         that fell {reached} (Schälte & Hasenauer 2020)"
    )
}

/// How ABC corrected its particles.
fn adjustment(settings: &RunSettings) -> &'static str {
    match settings.fit.get("adjustment").and_then(|value| value.as_str()) {
        Some("none") => "",
        Some("heteroscedastic") => " and heteroscedastic regression adjustment (Blum & François 2010)",
        _ => " and regression adjustment (Beaumont et al. 2002)",
    }
}

/// The paragraph, from what the page holds already.
pub fn paragraph(run: &Run, content: &Content) -> String {
    let settings = &run.settings;
    let mut sentences = vec![format!(
        "The model was calibrated with metacascade {} from tables in PEtab's format (Schmiester et al. 2021).",
        settings.version
    )];
    let setting = |name: &str| settings.fit.get(name).map(ToString::to_string);
    let estimated = content.parameters.len();
    sentences.push(match settings.method {
        FitMethod::AbcSmc => format!(
            "{estimated} parameters were estimated by approximate Bayesian computation with sequential Monte Carlo (Toni et \
             al. 2009; Beaumont et al. 2009){}, {}.",
            setting("population").map_or(String::new(), |size| format!(" with {size} particles")),
            judgement(run),
        ),
        FitMethod::AbcRejection => format!(
            "{estimated} parameters were estimated by approximate Bayesian computation with rejection (Pritchard et al. 1999){}, \
             {}.",
            setting("population").map_or(String::new(), |size| format!(", keeping {size} particles")),
            judgement(run),
        ),
        FitMethod::Surrogate => format!(
            "{estimated} parameters were estimated with a synthetic likelihood (Wood 2010) learned in rounds of \
             simulations, from which Markov chains (Haario et al. 2001) drew the posterior; convergence was judged by \
             rank-normalised R-hat (Vehtari et al. 2021)."
        ),
        FitMethod::Mcmc => format!(
            "{estimated} parameters were estimated by Markov chains (Haario et al. 2001) on the likelihood around the mean \
             field; convergence was judged by rank-normalised R-hat (Vehtari et al. 2021)."
        ),
        FitMethod::Pmmh => format!(
            "{estimated} parameters were estimated by particle-marginal Metropolis–Hastings (Andrieu et al. 2010) on the \
             model's own likelihood, estimated by particle filters whose number of particles was tuned (Doucet et al. 2015); \
             convergence was judged by rank-normalised R-hat (Vehtari et al. 2021)."
        ),
        FitMethod::SyntheticLikelihood => format!(
            "{estimated} parameters were estimated by Markov chains (Andrieu et al. 2010) on a synthetic likelihood (Wood 2010) \
             of learned summaries, estimated without bias at every point (Price et al. 2018) from a number of simulations that \
             was tuned (Doucet et al. 2015); convergence was judged by rank-normalised R-hat (Vehtari et al. 2021)."
        ),
        FitMethod::Mle => format!(
            "{estimated} parameters were estimated by maximum likelihood of the mean field from many starts (Raue et al. \
             2013){}, with intervals by Laplace's approximation of the posterior.",
            match settings.fit.get("optimiser").and_then(|name| name.as_str()) {
                Some("cma-es") => " by CMA-ES (Hansen 2016)",
                _ => "",
            }
        ),
    });
    sentences.extend(match settings.simulation.method.as_str() {
        "direct" | "ensemble" | "next-reaction" | "composition-rejection" => Some(format!(
            "Trajectories were simulated exactly (Gillespie 1977; method `{}`).",
            settings.simulation.method
        )),
        "tau-leap" => Some("Trajectories were simulated by tau-leaping (Cao et al. 2006).".to_owned()),
        "hybrid" => Some(
            "Trajectories were simulated by a hybrid of jumps and differential equations (Haseltine & Rawlings 2002)."
                .to_owned(),
        ),
        _ => None,
    });
    sentences.push("Estimates are posterior medians with central 95 % intervals.".to_owned());
    let sets = run.replicates.as_ref().map_or(0, |replicates| replicates.draws.len());
    if sets > 0 {
        sentences.push(format!(
            "The fit was checked against {sets} data sets simulated from the posterior (Gelman et al. 1996){}{}{}.",
            if content.survival.is_empty() { "" } else { ", by Kaplan–Meier curves (Kaplan & Meier 1958)" },
            if content.shares.is_empty() { "" } else { ", by shares with exact intervals (Clopper & Pearson 1934)" },
            if content.checks.iter().all(|check| check.pit.is_empty()) {
                ""
            } else {
                ", and by the distribution of probability integral transforms (Säilynoja et al. 2022)"
            }
        ));
    }
    sentences.push(format!("All random numbers follow from the seed {}.", settings.seed));
    sentences.join(" ")
}

/// The entries of all references that a text cites, in BibTeX.
pub fn bibliography(text: &str) -> String {
    let cited = REFERENCES.iter().filter(|(citation, _)| text.contains(citation));
    cited.filter_map(|(_, key)| entry(key)).collect::<Vec<&str>>().join("\n")
}

fn entry(key: &str) -> Option<&'static str> {
    let start = BIBLIOGRAPHY.find(&format!("{{{key},"))?;
    let start = BIBLIOGRAPHY[..start].rfind('@')?;
    let end = start + BIBLIOGRAPHY[start..].find("\n}")? + 2;
    Some(&BIBLIOGRAPHY[start..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_has_an_entry_and_every_entry_is_one_reference() {
        let mut found: Vec<&str> = REFERENCES.iter().map(|(_, key)| entry(key).unwrap()).collect();
        for text in &found {
            assert!(text.starts_with("@article{") && text.matches('@').count() == 1, "{text}");
            assert_eq!(text.matches('{').count(), text.matches('}').count(), "{text}");
        }
        found.sort_unstable();
        found.dedup();
        assert_eq!((found.len(), BIBLIOGRAPHY.matches('@').count()), (REFERENCES.len(), REFERENCES.len()));
    }

    #[test]
    fn only_what_is_cited_is_listed() {
        let listed = bibliography("Simulated exactly (Gillespie 1977), compared as by Gelman et al. 1996.");
        assert!(listed.contains("Gillespie1977") && listed.contains("Gelman1996") && listed.matches('@').count() == 2);
    }
}
