//! `muster environments`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use muster_kernel::model::catalog::{EmptyCompany, JunkIds, NestedValues};

use crate::admin::{AdminRequest, CreateEnvironment, EnvironmentRef, SetEnvironment, SettingsPatch};

use super::{Output, values};

/// Make, list and change environments.
#[derive(Debug, Subcommand)]
pub enum EnvironmentsCommand {
    /// Make an environment: its own keys, data and settings.
    Create(Create),
    /// List the environments.
    List(List),
    /// Change the name, the region label or the settings of an environment.
    Set(Set),
}

/// `muster environments create`.
#[derive(Debug, Args)]
pub struct Create {
    /// Its name, 1 to 64 characters.
    name: String,
    /// A label for where the data lives, as eu or us-east [default: local].
    #[arg(long, value_name = "LABEL")]
    region: Option<String>,
    /// An empty directory of its own for its data [default: inside the data directory].
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    output: Output,
}

/// `muster environments list`.
#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    output: Output,
}

/// `muster environments set`.
#[derive(Debug, Args)]
#[group(id = "changes", required = true, multiple = true, args = ["rename", "region", "pii_properties", "time_zone", "keep_events_days", "empty_company", "nested_values", "junk_ids"])]
pub struct Set {
    /// Its name.
    name: String,
    /// The new name.
    #[arg(long, value_name = "NAME")]
    rename: Option<String>,
    /// The new label for where the data lives.
    #[arg(long, value_name = "LABEL")]
    region: Option<String>,
    /// All properties that viewers do not see the values of, separated by commas; an empty text for none.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pii_properties: Option<Vec<String>>,
    /// Where its days shall begin: a name of the IANA time zone database, as `Europe/Berlin`
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
    /// For how many days raw events shall be kept, 0 for good; profiles stay. What is older is dropped for good
    #[arg(long, value_name = "DAYS")]
    keep_events_days: Option<u32>,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
struct Settings {
    /// What to do with a `company` without an id: answer 400, or act as if there were none.
    #[arg(long, value_parser = values::empty_company())]
    empty_company: Option<EmptyCompany>,
    /// What to do with objects and lists as property values: keep their JSON text and warn, or answer 400.
    #[arg(long, value_parser = values::nested_values())]
    nested_values: Option<NestedValues>,
    /// What to do with ids such as `null` and `undefined`: take them and warn, or answer 400.
    #[arg(long, value_parser = values::junk_ids())]
    junk_ids: Option<JunkIds>,
}

impl From<Settings> for SettingsPatch {
    fn from(flags: Settings) -> SettingsPatch {
        SettingsPatch {
            empty_company: flags.empty_company,
            nested_values: flags.nested_values,
            junk_ids: flags.junk_ids,
        }
    }
}

impl EnvironmentsCommand {
    /// What to ask for, and how to show the answer.
    ///
    /// # Errors
    /// A sentence, when a directory cannot be named to a server.
    pub fn into_request(self) -> Result<(AdminRequest, Output), String> {
        Ok(match self {
            EnvironmentsCommand::Create(Create { name, region, directory, settings, output }) => {
                let directory = directory.map(absolute).transpose()?;
                let request = CreateEnvironment { name, region, directory, settings: settings.into() };
                (AdminRequest::CreateEnvironment(request), output)
            }
            EnvironmentsCommand::List(List { output }) => (AdminRequest::ListEnvironments, output),
            EnvironmentsCommand::Set(Set {
                name,
                rename,
                region,
                pii_properties,
                time_zone,
                keep_events_days,
                settings,
                output,
            }) => {
                let request = SetEnvironment {
                    environment: EnvironmentRef::Name(name),
                    name: rename,
                    region,
                    settings: settings.into(),
                    // One empty name is the way to write an empty list.
                    pii_properties: pii_properties
                        .map(|names| names.into_iter().filter(|name| !name.is_empty()).collect()),
                    time_zone,
                    keep_events_days,
                };
                (AdminRequest::SetEnvironment(request), output)
            }
        })
    }
}

/// The server works in another directory than the shell, so a relative path is settled here.
fn absolute(path: PathBuf) -> Result<String, String> {
    let shown = path.display().to_string();
    let settled = std::path::absolute(&path).map_err(|error| format!("{shown} cannot be used: {error}."))?;
    settled
        .into_os_string()
        .into_string()
        .map_err(|_| format!("{shown} is not UTF-8: choose another directory."))
}
