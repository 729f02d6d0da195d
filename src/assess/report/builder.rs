//! Counts connections, one after the other, into a report.

use super::{Board, Coverage, Exposure, Findings, Input, Timeline};
use crate::assess::Judged;
use crate::base::WireStr;

/// Everything counted over one or several captures.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// The captures, in the order they were given.
    pub inputs: Vec<Input>,
    /// Files that were given but could not be read, and why.
    pub refused: Vec<(WireStr, String)>,
    /// How much could be seen.
    pub coverage: Coverage,
    /// App by app.
    pub board: Board,
    /// Rule by rule.
    pub findings: Findings,
    /// What a stranger on the network sees.
    pub exposure: Exposure,
    /// When connections began, those that are readable by design left out.
    pub timeline: Timeline,
    /// Connections that a filter left out.
    pub left_out: u64,
}

/// Counts connections into a [`Summary`]. Memory is bounded: connections are counted, not kept.
#[derive(Debug, Default)]
pub struct ReportBuilder {
    summary: Summary,
    /// The place of the first input among those that evidence counts.
    first_input: u32,
}

impl ReportBuilder {
    /// Nothing counted yet.
    #[must_use]
    pub fn new() -> ReportBuilder {
        ReportBuilder::default()
    }

    /// Nothing counted yet; the first capture will be the input of this number in the evidence.
    #[must_use]
    pub fn numbered_from(first_input: u32) -> ReportBuilder {
        ReportBuilder { first_input, ..ReportBuilder::default() }
    }

    /// What is pushed from now on is of this capture.
    pub fn begin(&mut self, input: Input) {
        self.summary.inputs.push(input);
    }

    /// A file that was given could not be read.
    pub fn refuse(&mut self, name: WireStr, why: String) {
        self.summary.refused.push((name, why));
    }

    /// Counts a connection of the capture that was begun last.
    pub fn push(&mut self, judged: &Judged) {
        let input = u32::try_from(self.summary.inputs.len().saturating_sub(1)).unwrap_or(u32::MAX).saturating_add(self.first_input);
        let summary = &mut self.summary;
        if let Some(capture) = summary.inputs.last_mut() {
            let (start, end) = capture.span.unwrap_or((judged.start, judged.end));
            capture.span = Some((start.min(judged.start), end.max(judged.end)));
        }
        summary.coverage.push(judged);
        summary.board.push(input, judged);
        summary.findings.push(input, judged);
        summary.exposure.push(input, judged);
        if judged.judgement.counts_for_groups() {
            summary.timeline.add(judged.start, judged.judgement.grade);
        }
    }

    /// Counts a connection that a filter left out, and nothing of it.
    pub fn leave_out(&mut self) {
        self.summary.left_out = self.summary.left_out.saturating_add(1);
    }

    /// What was counted so far, for a screen that shows it while it grows.
    #[must_use]
    pub fn so_far(&self) -> &Summary {
        &self.summary
    }

    /// What was counted.
    #[must_use]
    pub fn finish(self) -> Summary {
        self.summary
    }
}
