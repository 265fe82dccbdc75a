//! Small tables of the shapes that people have, and what must be made of them.

use std::fmt::Write as _;

use metacascade_random::Key;

use metacascade_problem::{
    Asked, EvaluateMethod, NoiseDistribution, Problem, ProblemSimulator, Proposal, evaluate, propose,
};

/// The problem that is proposed for a table; it must load, and simulate at its nominal values.
fn problem(name: &str, table: &str, asked: &Asked) -> (Proposal, Problem) {
    let proposal = propose(table.as_bytes(), name, asked).unwrap_or_else(|problems| panic!("{name}: {problems}"));
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in &proposal.files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let problem = Problem::load(folder.path()).unwrap_or_else(|problems| panic!("{name}: {problems}"));
    assert!(problem.warnings().is_empty(), "{name}: {:?}", problem.warnings());
    let simulated =
        ProblemSimulator::new(&problem, &problem.simulation().method()).data(&problem.nominal(), Key::new(1)).unwrap();
    assert!(simulated.iter().all(|value| value.is_finite()), "{name}: {simulated:?}");
    (proposal, problem)
}

fn role<'p>(proposal: &'p Proposal, column: &str) -> &'p str {
    &proposal.columns.iter().find(|guess| guess.column == column).unwrap().role
}

fn estimated(problem: &Problem) -> Vec<&str> {
    problem.estimated().iter().map(|parameter| parameter.name.as_str()).collect()
}

/// The log-likelihood at the nominal values, of a problem without chance.
fn is_possible(problem: &Problem) -> bool {
    evaluate(problem, &problem.nominal(), EvaluateMethod::Ode).unwrap().log_likelihood.is_finite()
}

/// Volumes of mice that grow by Gompertz's law, each at times of its own.
fn volumes() -> String {
    let mut table = "id,time_days,volume_mm3\n".to_owned();
    for mouse in 0..8 {
        for visit in 0..8 {
            let time = f64::from(8 + mouse % 3 + 3 * visit);
            let volume = (9.0 - 8.0 * (-0.08 * time).exp() + 0.05 * f64::from((mouse + visit) % 4)).exp();
            writeln!(table, "{mouse},{time},{volume:.2}").unwrap();
        }
    }
    table
}

#[test]
fn volumes_over_time_slow_down_and_differ_between_mice() {
    let (proposal, problem) = problem("mice.csv", &volumes(), &Asked::default());
    assert_eq!(role(&proposal, "id"), "subject");
    assert_eq!(role(&proposal, "time_days"), "time");
    assert_eq!(role(&proposal, "volume_mm3"), "measured");
    let names = ["start", "growth", "slowing", "start_spread", "growth_spread", "sigma"];
    assert_eq!(estimated(&problem), names);
    assert_eq!((problem.measurement_count(), problem.trajectories().len()), (64, 8));
    assert_eq!(problem.network().time_unit(), "day");
    let observable = &problem.observables()[0];
    assert_eq!((observable.noise, observable.unit.as_str()), (NoiseDistribution::LogNormal, "mm^3"));
    // The bounds hold what made the data: ln V = 9 - 8 exp(-0.08 t) grows by 0.64 exp(-0.64) = 0.34 a day at day 8.
    let within = |name: &str, value: f64| {
        let parameter = problem.estimated().iter().find(|parameter| parameter.name == name).unwrap();
        (parameter.quantile(0.01)..=parameter.quantile(0.99)).contains(&value)
    };
    assert!(within("growth", 0.34) && within("slowing", 0.08) && within("start", (9.0 - 8.0 * (-0.64f64).exp()).exp()));
    // Without a bend, growth is exponential.
    let straight = "mouse;day;volume_mm3\nm1;0;1\nm1;5;2,8\nm1;10;7,5\nm1;15;20\nm2;0;1,2\nm2;5;3\nm2;10;9\nm2;15;0\n";
    let (_, problem) = self::problem("straight.csv", straight, &Asked::default());
    assert_eq!(estimated(&problem), ["start", "growth", "sigma"]);
    assert_eq!(
        problem.series().iter().flat_map(|series| &series.measurements).filter(|row| row.reading.is_censored()).count(),
        1
    );
    assert!(is_possible(&problem));
}

#[test]
fn a_column_a_time_is_a_row_a_time() {
    let wide =
        "mouse,treatment,day_0,day_7,day_14\na,control,10,22,50\nb,control,12,24,\nc,drug,11,15,20\nd,drug,9,12,17\n";
    let (proposal, problem) = problem("wide.csv", wide, &Asked::default());
    assert!(proposal.choices[0].contains("3 columns are times"), "{:?}", proposal.choices);
    assert_eq!(role(&proposal, "treatment"), "group");
    assert_eq!(problem.measurement_count(), 11);
    assert_eq!(estimated(&problem), ["start", "growth_control", "growth_drug", "sigma"]);
    assert_eq!(problem.experiments().len(), 2);
    assert!(is_possible(&problem));
}

#[test]
fn means_with_their_spread_are_compared_by_it() {
    let table = "day,compartment,cells_mean,cells_sd\n0,primary,1000,0\n10,primary,4000,900\n20,primary,15000,4000\n\
                 0,lung,10,0\n10,lung,80,50\n20,lung,700,400\n";
    let (proposal, problem) = problem("means.csv", table, &Asked::default());
    assert_eq!(role(&proposal, "compartment"), "what is measured");
    assert_eq!(role(&proposal, "cells_sd"), "noise");
    assert_eq!(problem.observables().len(), 2);
    assert_eq!(problem.measurement_count(), 4, "those without spread are certain");
    assert!(proposal.left_out[0].starts_with("2 rows"), "{:?}", proposal.left_out);
    assert!(is_possible(&problem));
}

#[test]
fn fractions_of_states_switch() {
    let mut table = "line,source,initial_state,time,state,fraction\n".to_owned();
    for (start, shares) in [("stem", [0.05, 0.15, 0.8]), ("basal", [0.03, 0.9, 0.07]), ("luminal", [0.01, 0.04, 0.95])]
    {
        for (state, share) in ["stem", "basal", "luminal"].iter().zip(shares) {
            writeln!(table, "SUM149,G,{start},6.0,{state},{share}").unwrap();
        }
    }
    table += "SW620,Y,A,2,A,0.8\nSW620,Y,A,2,B,0.2\n";
    let (proposal, three) = problem("fractions.csv", &table, &Asked::default());
    assert_eq!(role(&proposal, "fraction"), "measured");
    assert!(proposal.left_out[0].contains("line=SW620"), "{:?}", proposal.left_out);
    assert_eq!(three.estimated().len(), 7);
    // Two of three fractions at one time, from three starts.
    assert_eq!((three.measurement_count(), three.experiments().len()), (6, 3));
    assert!(is_possible(&three));
    let asked = Asked { only: vec![("line".into(), "SW620".into())], ..Asked::default() };
    let (_, two) = problem("fractions.csv", &table, &asked);
    assert_eq!(estimated(&two), ["A_to_B", "B_to_A", "sigma"]);
}

#[test]
fn times_to_metastasis_depend_on_size() {
    let mut table = "age_years,size_cm,grade,er,tdm_days,dm_event\n".to_owned();
    for patient in 0..40 {
        let (size, event) = (0.6 + 0.1 * f64::from(patient % 20), i32::from(patient % 4 == 0));
        writeln!(table, "{},{size:.1},poor,negative,{},{event}", 40 + patient % 20, 500 + 90 * patient).unwrap();
    }
    let (proposal, problem) = problem("patients.csv", &table, &Asked::default());
    assert_eq!(role(&proposal, "tdm_days"), "time");
    assert_eq!(role(&proposal, "dm_event"), "event");
    assert_eq!(role(&proposal, "size_cm"), "covariate");
    assert_eq!(problem.survival().len(), 40);
    assert_eq!(problem.survival().iter().filter(|row| row.event).count(), 10);
    let sets: Vec<_> = problem.covariates().iter().filter_map(|known| known.parameter.as_deref()).collect();
    assert_eq!(sets, ["diameter"]);
    // An event of another kind, and 1 that means censored.
    let table = "patient,arm,survival_years,censored\n1,a,2.5,0\n2,a,3,1\n3,b,1,0\n4,b,0.5,0\n5,b,4,1\n";
    let (_, problem) = self::problem("deaths.csv", table, &Asked::default());
    assert_eq!(estimated(&problem), ["falling_ill_a", "falling_ill_b", "sparing", "progression"]);
    assert_eq!(problem.survival().iter().filter(|row| row.event).count(), 3);
    assert_eq!(problem.network().time_unit(), "year");
}

#[test]
fn yes_or_no_of_each_mouse_depends_on_size_and_line() {
    let mut table = "pdx_line,tumor_id,met_seen,met_seen_again,to_resection_days,removed_volume_mm3,note\n".to_owned();
    for mouse in 0..24 {
        let (line, met) = (mouse / 3, i32::from(mouse % 3 == 0 && mouse < 12));
        let volume = if mouse == 5 { String::new() } else { format!("{}", 300 + 20 * mouse) };
        writeln!(table, "SA{line},X{mouse},{met},{met},{},{volume},\"lung, liver\"", 50 + mouse).unwrap();
    }
    let (proposal, problem) = problem("lines.csv", &table, &Asked::default());
    assert_eq!(role(&proposal, "met_seen"), "measured: yes or no");
    assert_eq!(role(&proposal, "met_seen_again"), "not used");
    assert_eq!(role(&proposal, "removed_volume_mm3"), "covariate");
    assert_eq!((problem.measurement_count(), problem.groups().len()), (23, 8));
    assert!(proposal.left_out[0].starts_with("1 subjects"), "{:?}", proposal.left_out);
    assert_eq!(estimated(&problem), ["emission", "emission_spread"]);
}

#[test]
fn so_many_of_so_many_are_binomial() {
    let table = "group,n_mice,n_with_metastasis\n\"Twist1, topical\",14,12\n\"Twist1, oral\",13,3\n";
    let (_, problem) = problem("mice.csv", table, &Asked::default());
    assert_eq!(problem.estimated().len(), 2);
    assert_eq!(problem.observables()[0].noise, NoiseDistribution::Binomial);
    assert_eq!(problem.measurement_count(), 2);
    assert!(is_possible(&problem));
}

#[test]
fn counts_are_poisson_or_more_scattered() {
    let scattered = "mouse,arm,lung_metastases\na,control,0\nb,control,41\nc,control,3\nd,drug,0\ne,drug,1\nf,drug,9\n";
    let (proposal, problem) = problem("counts.csv", scattered, &Asked::default());
    assert_eq!(role(&proposal, "lung_metastases"), "measured: count");
    assert_eq!(problem.observables()[0].noise, NoiseDistribution::NegativeBinomial);
    assert_eq!(problem.estimated().len(), 3);
    assert!(is_possible(&problem));
    let even = "mouse\tcolonies\na\t4\nb\t6\nc\t5\nd\t3\n";
    let (_, problem) = self::problem("even.tsv", even, &Asked::default());
    assert_eq!(problem.observables()[0].noise, NoiseDistribution::Poisson);
    assert_eq!(estimated(&problem), ["founding_colonies"]);
}

#[test]
fn what_nobody_knows_is_refused_with_a_way_out() {
    let refused = propose(b"stage,value\narrest,0.8\n", "x.csv", &Asked::default()).unwrap_err();
    assert!(refused.to_string().contains("--value"), "{refused}");
    let asked = Asked { values: vec!["volum".into()], ..Asked::default() };
    let refused = propose(volumes().as_bytes(), "x.csv", &asked).unwrap_err();
    assert!(
        refused.to_string().contains("the columns are") || refused.to_string().contains("did you mean"),
        "{refused}"
    );
    assert!(propose(b"a,b\n1\n", "x.csv", &Asked::default()).is_err());
}

#[test]
fn what_the_table_hardly_tells_is_not_in_the_problem() {
    // The blood was drawn once.
    let table = "day,organ,cells_mean,cells_sd\n5,lung,100,20\n9,lung,300,50\n9,blood,5,2\n";
    let (proposal, once) = problem("once.csv", table, &Asked::default());
    assert_eq!(estimated(&once), ["start", "growth"]);
    assert!(proposal.left_out[0].contains("blood"), "{:?}", proposal.left_out);
    // A size that few subjects have is no covariate.
    let mut table = "patient,volume_cm3,involved\n".to_owned();
    for patient in 0..10 {
        writeln!(table, "{patient},{},{}", if patient < 3 { "12.5" } else { "" }, patient % 2).unwrap();
    }
    let table = table.replacen("12.5", "11", 1);
    let (proposal, few) = problem("few.csv", &table, &Asked::default());
    assert_eq!((role(&proposal, "volume_cm3"), few.measurement_count()), ("not used", 10));
    // Many outcomes in many groups: the first alone, unless another is chosen.
    let mut table = "site,n,n_any,n_far\n".to_owned();
    for site in 0..15 {
        writeln!(table, "s{site},20,{},{}", 3 + site % 5, site % 3).unwrap();
    }
    let (proposal, many) = problem("many.csv", &table, &Asked::default());
    assert_eq!((role(&proposal, "n_far"), many.estimated().len()), ("not used", 15));
    let asked = Asked { values: vec!["n_far".into()], ..Asked::default() };
    let (proposal, _) = problem("many.csv", &table, &asked);
    assert_eq!(role(&proposal, "n_far"), "measured: k of n");
    // Of two times the one of the event.
    let table =
        "patient,eventdeath,survival_years,time_recurrence_years,diam_mm\np1,1,3,1,20\np2,0,9,9,15\np3,1,4,2,30\n";
    let (proposal, deaths) = problem("deaths.csv", table, &Asked::default());
    assert_eq!(role(&proposal, "survival_years"), "time");
    assert_eq!(estimated(&deaths), ["falling_ill", "sparing", "progression"]);
}

/// Names of columns, states and groups come from the table, and must not break the files.
#[test]
fn hostile_names_stay_names() {
    let table = r##"mouse_id,treatment,time_days,volume_mm3
a,"x = ""1""",0,1
a,"x = ""1""",5,2
b,#{}: [y]\,0,1
b,#{}: [y]\,5,3
"##;
    let (_, growth) = problem("x.csv", table, &Asked::default());
    assert_eq!((growth.measurement_count(), growth.experiments().len()), (4, 2));
    let states = "initial_state,time_h,state,fraction\ne,1,e,0.9\ne,1,\"p'\"\"i\",0.1\n";
    assert!(is_possible(&problem("y.csv", states, &Asked::default()).1));
}
