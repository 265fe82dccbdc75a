//! The steps of a cascade, drawn and in words.

use super::{
    Figure,
    blocks::{Block, Table},
};
use crate::{
    content::{Cascade, CascadeStep, Predicted},
    figures::caterpillar,
    number::{interval, percent, significant},
    style,
};

/// What the template needs.
pub struct CascadeBlock {
    pub sentence: String,
    pub caption: &'static str,
    pub block: Block,
}

impl CascadeBlock {
    pub fn new(cascade: &Cascade) -> Self {
        let rows: Vec<(&str, Predicted)> = cascade.steps.iter().map(|step| (step.name.as_str(), step.reach)).collect();
        let plot = caterpillar::Plot {
            description: "How many of a million cells pass each step of the cascade, with 50 % and 95 % intervals",
            title: "of a million cells",
            of: "step",
            log: cascade.steps.iter().all(|step| step.reach.lower95 > 0.0),
            reference: None,
            colour: style::POSTERIOR,
        };
        let share = |value: &Predicted| {
            // Where cells multiply on the way there are more than came.
            if value.median > 2.0 { significant(value.median, 3) } else { percent(value.median) }
        };
        let row = |step: &CascadeStep| {
            let CascadeStep { name, from, to, reach, share: part, .. } = step;
            let between = match part.upper95 > 2.0 {
                true => interval(part.lower95, part.upper95),
                false => format!("{} – {}", percent(part.lower95), percent(part.upper95)),
            };
            vec![
                name.clone(),
                format!("{from} → {to}"),
                significant(reach.median, 3),
                interval(reach.lower95, reach.upper95),
                share(part),
                between,
            ]
        };
        let columns =
            ["text Step", "text From and to", "Of a million", "95 % interval", "Of those before", "95 % interval"];
        Self {
            sentence: sentence(cascade),
            caption: match cascade.chance {
                false => {
                    "Expected passages in the mean field, under draws of the posterior; cells still on their way at the end \
                     have not passed."
                }
                true => {
                    "Passages in single trajectories, under draws of the posterior, so that chance has a part in the \
                     intervals; cells still on their way at the end have not passed."
                }
            },
            block: Block {
                heading: match cascade.arm.as_str() {
                    "" => "What passes each step".to_owned(),
                    arm => format!("What passes each step, {arm}"),
                },
                panels: vec![Figure::new(&caterpillar::spec(&plot, &rows), "cascade")],
                table: Table::new(&columns, cascade.steps.iter().map(row).collect()),
                wide: true,
            },
        }
    }
}

fn sentence(cascade: &Cascade) -> String {
    let Some(last) = cascade.steps.last() else { return String::new() };
    let whole = format!(
        "Of a million {}, {} (95 % interval {}) pass the last step until the end of the experiment.",
        cascade.entering,
        significant(last.reach.median, 3),
        interval(last.reach.lower95, last.reach.upper95)
    );
    let narrow = cascade.bottleneck.and_then(|step| cascade.steps.get(step));
    let Some(narrow) = narrow.filter(|narrow| narrow.share.median < 1.0) else { return whole };
    format!(
        "{whole} The bottleneck is {}: {} of those that passed the step before ({} to {}).",
        narrow.name,
        percent(narrow.share.median),
        percent(narrow.share.lower95),
        percent(narrow.share.upper95)
    )
}
