import Connections
import Comparison
import DataPlane

/// The metrics of copied calls and of the comparison of their answers.
struct ShadowMetrics {
    /// The counts of each worker.
    let copies: [CopyCounts]
    /// The release under way.
    let release: Release?

    func write(_ text: inout PrometheusText) {
        let all = copies.reduce(into: CopyCounts()) { $0 += $1 }
        text.family("sluice_shadow_share", .gauge, "The share of new calls that a release copies to this color.")
        for color in Color.allCases {
            let share = color == release?.plan.to ? release?.currentStep?.copied ?? .none : .none
            text.sample(share.fraction, ["color": color.name])
        }
        text.family("sluice_copies_started_total", .counter, "Copies of calls that began, for one more answer each.")
        text.sample(all.started)
        text.family("sluice_copies_answered_total", .counter, "Copies of calls that were answered.")
        text.sample(all.answered)
        text.family("sluice_copies_given_up_total", .counter, "Copies of calls that came to no answer, by why.")
        for why in CopyEnd.allCases { text.sample(all.givenUp[why], ["reason": why.rawValue]) }
        text.family("sluice_copies_open", .gauge, "Copies of calls under way.")
        text.sample(all.open)
        text.family("sluice_copies_buffered_bytes", .gauge, "Bytes that copies take.")
        text.sample(all.bytes)
        let agreement = release?.records.last?.comparisons?.counts()
        text.family(
            "sluice_answers_compared", .gauge, "Calls whose answers were compared in the shadow step under way.")
        text.sample(agreement?.compared ?? 0)
        text.family("sluice_answers_agreeing", .gauge, "Those of sluice_answers_compared whose answers agree.")
        text.sample(agreement?.agreeing ?? 0)
    }
}
