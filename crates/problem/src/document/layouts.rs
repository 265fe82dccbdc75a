//! The problem file as each version of PEtab writes it.

use std::collections::BTreeMap;

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_saphyr::Spanned;

use super::Extension;

/// The file as version 2 writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Version2 {
    #[allow(dead_code, reason = "it is known by now")]
    pub format_version: Spanned<String>,
    #[serde(default)]
    pub id: Option<String>,
    pub parameter_files: Vec<Spanned<String>>,
    pub model_files: BTreeMap<String, ModelFile>,
    #[serde(default)]
    pub condition_files: Vec<Spanned<String>>,
    #[serde(default)]
    pub experiment_files: Vec<Spanned<String>>,
    pub observable_files: Vec<Spanned<String>>,
    pub measurement_files: Vec<Spanned<String>>,
    #[serde(default)]
    pub mapping_files: Vec<Spanned<String>>,
    #[serde(default)]
    pub extensions: Extensions,
}

/// The file as version 1 writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Version1 {
    #[allow(dead_code, reason = "it is known by now")]
    pub format_version: Spanned<String>,
    #[serde(default)]
    pub id: Option<String>,
    pub parameter_file: Spanned<Names>,
    pub problems: Vec<Part>,
    #[serde(default)]
    pub extensions: Extensions,
}

/// One of the problems that a file of version 1 may list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Part {
    #[serde(default)]
    pub sbml_files: Vec<Spanned<String>>,
    #[serde(default)]
    pub model_files: BTreeMap<String, ModelFile>,
    #[serde(default)]
    pub condition_files: Vec<Spanned<String>>,
    pub observable_files: Vec<Spanned<String>>,
    pub measurement_files: Vec<Spanned<String>>,
    #[serde(default)]
    pub mapping_files: Vec<Spanned<String>>,
    #[serde(default)]
    #[allow(dead_code, reason = "how data are drawn is not part of the problem")]
    pub visualization_files: Vec<Spanned<String>>,
}

/// One name of a file, or several.
pub(super) enum Names {
    One(String),
    Several(Vec<Spanned<String>>),
}

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Names;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("the name of a file, or a list of names")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Names, E> {
                Ok(Names::One(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Names, A::Error> {
                let mut names = Vec::new();
                while let Some(name) = sequence.next_element()? {
                    names.push(name);
                }
                Ok(Names::Several(names))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// Where the model is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModelFile {
    pub location: Spanned<String>,
    pub language: Spanned<String>,
}

/// Our extension, and the names of those that must be understood but are not ours.
#[derive(Default)]
pub(super) struct Extensions {
    pub metacascade: Option<Extension>,
    pub required: Vec<Spanned<String>>,
}

/// What every extension says of itself.
#[derive(Deserialize)]
struct Foreign {
    #[serde(default)]
    required: bool,
}

impl<'de> Deserialize<'de> for Extensions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Named;
        impl<'de> Visitor<'de> for Named {
            type Value = Extensions;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("extensions by their names")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Extensions, A::Error> {
                let mut extensions = Extensions::default();
                while let Some(name) = map.next_key::<Spanned<String>>()? {
                    if name.value == "metacascade" {
                        extensions.metacascade = Some(map.next_value()?);
                    } else if map.next_value::<Foreign>()?.required {
                        extensions.required.push(name);
                    }
                }
                Ok(extensions)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Extensions, A::Error> {
                // Other programs write a list where there are none.
                match sequence.next_element::<IgnoredAny>()? {
                    None => Ok(Extensions::default()),
                    Some(_) => Err(A::Error::custom("extensions are written by their names, as `name: {version: …}`")),
                }
            }

            fn visit_unit<E: serde::de::Error>(self) -> Result<Extensions, E> {
                Ok(Extensions::default())
            }
        }
        deserializer.deserialize_any(Named)
    }
}

/// The version alone.
#[derive(Deserialize)]
pub(super) struct Versioned {
    pub format_version: Spanned<String>,
}
