import Glibc

/// How many releases a family has: 1,000, or what SLUICE_ANALYSIS_RELEASES says; 10,000 is what the guarantee is
/// measured by.
enum Releases {
    static let count: Int = {
        guard let text = unsafe getenv("SLUICE_ANALYSIS_RELEASES") else { return 1_000 }
        return unsafe Int(String(cString: text)) ?? 1_000
    }()

    /// The false returns that a family may have. At the budget of 1 in 1,000 there would be 10 in 10,000; the tests
    /// need more evidence than they must.
    static var most: Int { max(1, 4 * count / 10_000) }

    static var seeds: Range<UInt64> { 1_000_000..<1_000_000 + UInt64(count) }
}
