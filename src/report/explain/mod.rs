//! Explanations and demonstrations as text, markdown, HTML and JSON: from the same data.

mod blocks;
mod demo;
mod html;
mod markdown;
mod step;
mod text;
mod walk;

use crate::engine::EngineSpec;
use crate::explain::Demonstration;
use crate::network::named;
use crate::report::json;
use blocks::Block;
pub use step::StepReport;

named! {
    /// What an explanation is written as.
    pub enum ExplainForm ("format") {
        /// Text of at most 100 columns.
        Text = "text",
        /// For a page of a repository.
        Markdown = "markdown" | "md",
        /// One file that needs nothing else.
        Html = "html",
        /// JSON lines.
        Json = "json",
    }
}

/// A document in a form that is no JSON.
fn document(blocks: &[Block], form: ExplainForm) -> String {
    match form {
        ExplainForm::Text | ExplainForm::Json => text::write(blocks),
        ExplainForm::Markdown => markdown::write(blocks),
        ExplainForm::Html => html::write(blocks),
    }
}

/// A step, explained.
pub fn explained(report: &StepReport<'_>, form: ExplainForm) -> String {
    match form {
        ExplainForm::Json => json::explained(report),
        form => document(&report.blocks(), form),
    }
}

/// Demonstrations that were run.
pub fn demonstrated(
    all: &[Demonstration],
    at: &EngineSpec,
    is_terse: bool,
    form: ExplainForm,
) -> String {
    match form {
        ExplainForm::Json => json::demonstrated(all, at),
        form => document(&demo::blocks(all, is_terse), form),
    }
}

/// The list of demonstrations.
pub fn demonstrations(form: ExplainForm) -> String {
    match form {
        ExplainForm::Json => json::demonstrations(),
        form => document(&demo::list(), form),
    }
}
