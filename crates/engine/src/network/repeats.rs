//! Events that come again, for formats that know none: each becomes a condition on a variable that holds its next time.

use super::parts::{Builder, SpeciesPart, TriggerPart};

/// A time that never comes.
const NEVER: &str = "1e300";

impl Builder {
    /// The same network, each event that comes again replaced by one that waits for a time which it moves on.
    pub(crate) fn without_repeats(&self) -> Self {
        let mut builder = self.clone();
        let mut names: Vec<String> = builder.species.iter().map(|part| part.name.value.clone()).collect();
        names.extend(builder.parameters.iter().map(|part| part.name.value.clone()));
        names.extend(builder.rules.iter().map(|part| part.name.value.clone()));
        for index in 0..builder.events.len() {
            let TriggerPart::At { at, every: Some([interval, times]) } = &builder.events[index].trigger else {
                continue;
            };
            let (at, interval, times) = (&at.value, &interval.value, &times.value);
            let stem = builder.events[index].set.first().map_or("event", |(target, _)| target.value.as_str());
            let mut name = format!("{stem}_next");
            while names.contains(&name) {
                name.push('_');
            }
            names.push(name.clone());
            let initial = format!("piecewise({at}, ({times}) >= 1 && ({at}) >= 0, {NEVER})");
            // Half an interval guards against rounding.
            let last = format!("({at}) + (floor({times}) - 0.5) * ({interval})");
            let next = format!("piecewise({name} + ({interval}), {name} + ({interval}) < {last}, {NEVER})");
            let trigger = TriggerPart::When {
                condition: format!("time >= {name}").as_str().into(),
                initially: false,
                persistent: true,
            };
            let description = format!("the next time that {stem} is set");
            let event = &mut builder.events[index];
            event.trigger = trigger;
            event.set.push((name.as_str().into(), next.as_str().into()));
            builder.species.push(SpeciesPart {
                name: name.as_str().into(),
                initial: initial.as_str().into(),
                rate: Some("0".into()),
                unit: builder.time_unit.clone(),
                description,
            });
        }
        builder
    }
}
