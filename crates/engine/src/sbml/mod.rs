//! SBML: reads Level 2 (versions 1 to 5) and Level 3 (versions 1 and 2) core, writes Level 3 Version 2 core.
//!
//! After Hucka et al. 2019, J Integr Bioinform 16:20190021 (L3V2) and Hucka et al. 2015, J Integr Bioinform 12:271
//! (L2V5). Values of species are amounts: where the model's formulas mean a concentration, it is written out as amount
//! over compartment. Amounts are taken as counts in whatever unit they are; kinetic laws are propensities as they are.

mod assignments;
mod document;
mod formula;
mod functions;
mod mathml;
mod model;
mod names;
mod notes;
mod reactions;
mod report;
mod reversible;
mod symbols;
mod units;
mod write;
mod xml;

pub use symbols::{Symbol, Symbols};

use crate::diagnostic::Diagnostics;
use crate::network::{Builder, Network};

impl Network {
    /// Reads a model in SBML Level 2 or 3.
    ///
    /// Species are counted as amounts; compartments, parameters and local parameters become parameters where they are
    /// constant. A reversible reaction whose law is a difference becomes two, the second named `…_reverse`, because a
    /// propensity cannot be negative. Units are read where they agree with each other. `file` is how messages name it.
    ///
    /// ```
    /// let network = metacascade_engine::Network::from_sbml(
    ///     r#"<sbml xmlns="http://www.sbml.org/sbml/level3/version2/core" level="3" version="2">
    ///       <model id="decay">
    ///         <listOfCompartments><compartment id="cell" spatialDimensions="3" size="1" constant="true"/></listOfCompartments>
    ///         <listOfSpecies>
    ///           <species id="X" compartment="cell" initialAmount="100" hasOnlySubstanceUnits="true"
    ///                    boundaryCondition="false" constant="false"/>
    ///         </listOfSpecies>
    ///         <listOfReactions>
    ///           <reaction id="death" reversible="false">
    ///             <listOfReactants><speciesReference species="X" stoichiometry="1" constant="true"/></listOfReactants>
    ///             <kineticLaw>
    ///               <math xmlns="http://www.w3.org/1998/Math/MathML"><apply><times/><ci>k</ci><ci>X</ci></apply></math>
    ///               <listOfLocalParameters><localParameter id="k" value="0.1"/></listOfLocalParameters>
    ///             </kineticLaw>
    ///           </reaction>
    ///         </listOfReactions>
    ///       </model>
    ///     </sbml>"#,
    ///     "decay.xml",
    /// )?;
    /// assert_eq!(network.reactions()[0].rate, "k * X");
    /// # Ok::<(), metacascade_engine::Diagnostics>(())
    /// ```
    ///
    /// # Errors
    /// All mistakes and everything that is not supported, each with its place: other levels, required packages,
    /// algebraic rules, delays within formulas, fast reactions, stoichiometries that are no constant whole numbers.
    pub fn from_sbml(source: &str, file: &str) -> Result<Self, Diagnostics> {
        Builder::from_sbml(source, file)?.build()
    }
}

impl Builder {
    /// Reads the parts of a network from SBML, as [`Network::from_sbml`] does.
    ///
    /// # Errors
    /// As [`Network::from_sbml`]; what only shows when the network is built is left to [`Builder::build`].
    pub fn from_sbml(source: &str, file: &str) -> Result<Self, Diagnostics> {
        Self::read_sbml(source, file, false).map(|(builder, _)| builder)
    }

    /// [`Builder::from_sbml`] for use with tables that name quantities by the ids of the document: what those ids stand
    /// for comes along, and compartments are kept that no formula of the model reads.
    ///
    /// # Errors
    /// As [`Builder::from_sbml`].
    pub fn from_sbml_with_symbols(source: &str, file: &str) -> Result<(Self, Symbols), Diagnostics> {
        Self::read_sbml(source, file, true)
    }

    fn read_sbml(source: &str, file: &str, keep_compartments: bool) -> Result<(Self, Symbols), Diagnostics> {
        let document = document::parse(source, file)?;
        let mut report = report::Report::new(source, file);
        let read = document::model(&document, &mut report)
            .map(|(model, level)| model::read(model, level, keep_compartments, &mut report));
        let (builder, symbols) = read.unzip();
        Ok((report.finish(builder)?, symbols.unwrap_or_default()))
    }

    /// The network as SBML Level 3 Version 2.
    ///
    /// Counts become species in one compartment of size 1, as amounts; continuous variables become parameters, or, where
    /// an equation names them, boundary species. `mass_action(k)` and `hill` are written out, events at a time become
    /// conditions on the time. Descriptions, sources and stages stand in notes.
    ///
    /// One thing has no place in SBML: a count that an event sets is rounded to a whole number here, and elsewhere not.
    ///
    /// # Errors
    /// As [`Builder::build`].
    pub fn to_sbml(&self) -> Result<String, Diagnostics> {
        write::write(self)
    }
}

#[cfg(test)]
mod tests;
