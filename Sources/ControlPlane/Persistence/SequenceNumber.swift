/// Numbers of lines and events, as files have them.
enum SequenceNumber {
    /// No file has had more: what is beyond is damage, and must not be counted on from.
    static let known = UInt64(0)...1 << 53
}
