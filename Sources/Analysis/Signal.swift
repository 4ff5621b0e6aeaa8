/// What is judged.
package enum Signal: String, Sendable, Codable, CaseIterable {
    case failures = "failures"
    case firstByte = "time to first byte"
    case duration = "duration"
    case maxErrorShare = "max_error_share"
    case maxP99 = "max_p99"
    case minAgreement = "min_agreement"
}
